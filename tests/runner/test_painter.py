"""The painter in ComfyUI's real front end, in classic rendering and in Nodes 2.0, and the route that it talks to."""

import asyncio
import io
import json
import random
import urllib.error
import urllib.request

import numpy as np
import pytest
from PIL import Image

from ddgi.palette import PALETTE

from .pages import EMPTY, RUN, TOOLS, drag, front_end, need_browser, until

READY = "window.app && app.graph && window.LiteGraph && 'DDGILiveFace' in LiteGraph.registered_node_types"
SKIN, HAIR = 1, 13
GRAPH = f"(async () => {{ {EMPTY} {TOOLS}" + """
    const models = add('DDGILoadDemoModels', [20, 60]);
    const live = add('DDGILiveFace', [330, 40]), save = add('SaveImage', [20, 400]);
    for (const name of ['model', 'clip', 'control_net', 'generator', 'bridge']) link(models, name, live, name);
    link(live, 'hint', save, 'images');
    live.setSize([760, 800]);
    window.live = live;
    live.widgets.find(w => w.name === 'steps').value = 1;
    app.canvas.ds.scale = 1; app.canvas.ds.offset = [0, 0]; app.canvas.setDirty(true, true);
})()"""
FACE = "document.querySelector('.ddgi-painter .ddgi-face img')?.src ?? ''"


def post(server, body, **headers):
    """Status and JSON of a request to the live route."""
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(f"{server.url}/ddgi/live", body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, {}
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def test_the_route_answers_hostile_bodies_with_sentences(server):
    choose = random.Random(0)
    odd = ["", "x" * 3000, None, True, -1, 1e308, 2 ** 70, [], {}, "../../x", "data:image/png;base64,AAAA", "\0"]
    names = ["session", "drawing", "kind", "prompt", "seed", "strength", "yaw", "pitch", "other"]
    seen = set()
    for _ in range(500):
        body = json.dumps({name: choose.choice(odd) for name in choose.sample(names, choose.randint(0, 9))}).encode()
        if choose.random() < 0.3:
            body = body[:choose.randint(0, len(body))]
        status, answer = post(server, body)
        seen.add(status)
        assert "error" in answer and "\n" not in answer["error"] and "Traceback" not in answer["error"]
    assert seen == {400, 410}


@pytest.mark.parametrize(("body", "headers"), [
    (b"{}", {"Content-Type": "text/plain"}), (b"{}", {"Sec-Fetch-Site": "cross-site"}),
    (b"{}", {"Sec-Fetch-Site": "same-site"}), (b"[]", {}), (b"[" * 100_000, {}), (b" " * (2 << 20) + b"{}", {}),
])
def test_other_sites_and_other_bodies_are_refused(server, body, headers):
    status, answer = post(server, body, **headers)
    assert status in (400, 403), answer


def test_examples_are_found_by_their_names_alone(server):
    with urllib.request.urlopen(f"{server.url}/ddgi/examples/mask_hat") as answer:
        assert Image.open(io.BytesIO(answer.read())).size == (256, 256)
    for name in ("nothing", "..%2Fexamples.json", "mask_hat.png"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{server.url}/ddgi/examples/{name}")


async def resting(browser):
    """Where the canvas lies, once the front end has stopped to lay out the node."""
    seen = []
    for _ in range(60):
        seen.append(await browser.evaluate(
            "JSON.stringify(document.querySelector('.ddgi-painter canvas')?.getBoundingClientRect() ?? null)"))
        box = json.loads(seen[-1])
        if len(seen) > 4 and len(set(seen[-4:])) == 1 and box and box["width"] > 100:
            return box
        await asyncio.sleep(0.5)
    raise AssertionError(f"the canvas never came to rest: {seen[-1]}")


async def paint_and_look(server, vue):
    """The strokes' drawing as bytes of classes, the saved hint's file name, and the live faces before and after."""
    async with front_end(server, READY, GRAPH, vue) as browser:
        box = await resting(browser)

        def at(u, v):
            return box["x"] + u * box["width"], box["y"] + v * box["height"]

        await drag(browser, at(0.4, 0.4), at(0.6, 0.6))
        swatch = f"document.querySelector('.ddgi-painter .swatches button[data-value=\"{HAIR}\"]')"
        await browser.evaluate(f"{swatch}.click()")
        await drag(browser, at(0.3, 0.2), at(0.7, 0.2))
        painted = await browser.evaluate("live.widgets.find(w => w.name === 'drawing').value")
        await browser.evaluate(RUN)
        await until(browser, f"{FACE}.startsWith('blob:')")
        before = await browser.evaluate(FACE)
        await drag(browser, at(0.3, 0.3), at(0.3, 0.8))
        await until(browser, f"{FACE} !== '{before}'")
        await browser.evaluate("[...document.querySelectorAll('.ddgi-painter .bar button')]"
                               ".find(b => b.textContent === 'trace').click()")
        laid = await browser.evaluate("document.querySelector('.ddgi-painter .frame').style.backgroundImage")
        assert laid.startswith('url("data:image/png')
        return painted


@pytest.mark.parametrize("vue", [False, True], ids=["classic", "nodes 2.0"])
def test_a_painted_mask_is_exact_and_a_stroke_changes_the_live_face(server, vue):
    need_browser()
    painted = asyncio.run(paint_and_look(server, vue))
    with urllib.request.urlopen(painted) as answer:          # a data URL
        drawing = np.asarray(Image.open(io.BytesIO(answer.read())).convert("RGB"))
    files = sorted(server.output_folder.glob("*.png"), key=lambda path: path.stat().st_mtime)
    saved = np.asarray(Image.open(files[-1]).convert("RGB"))
    assert np.array_equal(saved, drawing)
    shares = {value: (drawing == PALETTE[value]).all(-1).mean() for value in (0, SKIN, HAIR)}
    assert abs(sum(shares.values()) - 1) < 1e-9, "colours that no class has"
    assert shares[HAIR] > shares[SKIN] > 0.01                # the longer stroke covers more


async def press(browser, key, modifiers=0):
    for kind in ("keyDown", "keyUp"):
        await browser.call("Input.dispatchKeyEvent", type=kind, key=key, code=f"Key{key.upper()}", modifiers=modifiers,
                           windowsVirtualKeyCode=ord(key.upper()))


async def touch_type_and_zoom(server, vue):
    """Drawings after a finger's stroke, undo, redo, and a dab on an enlarged canvas; the tool and the zoom."""
    seen = {}
    async with front_end(server, READY, GRAPH, vue) as browser:
        box = await resting(browser)

        def at(u, v):
            return {"x": box["x"] + u * box["width"], "y": box["y"] + v * box["height"]}

        async def keep(name):
            seen[name] = await browser.evaluate("live.widgets.find(w => w.name === 'drawing').value")

        for kind, points in (("touchStart", [at(0.4, 0.5)]), ("touchMove", [at(0.6, 0.5)]), ("touchEnd", [])):
            await browser.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)
        await until(browser, "live.widgets.find(w => w.name === 'drawing').value")
        await keep("finger")
        await press(browser, "z", 2)
        await keep("undone")
        await press(browser, "z", 2 | 8)
        await keep("redone")
        await press(browser, "p")
        pressed = "document.querySelector('.ddgi-painter .bar button[aria-pressed=true]').textContent"
        seen["tool"] = await browser.evaluate(pressed)
        await press(browser, "b")
        for _ in range(3):
            await browser.call("Input.dispatchMouseEvent", type="mouseWheel", **at(0.25, 0.75), deltaX=0, deltaY=-100)
        seen["zoom"] = await browser.evaluate("document.querySelector('.ddgi-painter canvas').style.transform")
        await drag(browser, at(0.25, 0.75).values(), at(0.25, 0.75).values(), 1)
        await keep("dab")
        return seen


def pixels(drawing):
    with urllib.request.urlopen(drawing) as answer:          # a data URL
        return np.asarray(Image.open(io.BytesIO(answer.read())).convert("RGB"))


@pytest.mark.parametrize("vue", [False, True], ids=["classic", "nodes 2.0"])
def test_fingers_keys_and_the_wheel_work_too(server, vue):
    need_browser()
    seen = asyncio.run(touch_type_and_zoom(server, vue))
    assert (pixels(seen["finger"])[256, [205, 256, 306]] == PALETTE[SKIN]).all()
    assert seen["undone"] == "" and seen["redone"] == seen["finger"]
    assert seen["tool"] == "push" and seen["zoom"] == "scale(1.728)"
    added = (pixels(seen["dab"]) != pixels(seen["finger"])).any(-1)
    rows, columns = added.nonzero()
    assert abs(rows.mean() - 384) < 3 and abs(columns.mean() - 128) < 3      # the point under the pointer stays there
