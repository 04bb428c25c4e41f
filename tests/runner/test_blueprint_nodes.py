"""Blueprints in ComfyUI's real front end: found in the search box, placed and run."""

import asyncio

import pytest

from .pages import EMPTY, RUN, TOOLS, front_end, need_browser, until

READY = "window.app && app.graph && window.LiteGraph && 'DDGIEditFace' in LiteGraph.registered_node_types"
PLACED = "app.graph.nodes.find(n => n.title === '{}')"
DRAWINGS = {"Mask and words to face": ("mask", "mask_hat.png"), "3D head": ("mask", "mask_hat.png"),
            "Scribble and words to face": ("drawing", "scribble_bun.png")}


async def place(browser, name, at):
    """Search for a blueprint, take the first that is found and put it down, as a person does."""
    await browser.evaluate("app.extensionManager.command.execute('Workspace.SearchBox.Toggle')")
    await until(browser, "document.activeElement?.tagName === 'INPUT'")
    await browser.call("Input.insertText", text=name)
    await until(browser, "document.body.innerText.includes('Subgraph Blueprints / DDGI')")
    await asyncio.sleep(1)                          # the first of the list is chosen a moment later
    for kind in ("keyDown", "keyUp"):
        await browser.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13)
    await until(browser, PLACED.format(name))
    for _ in range(30):
        if not await browser.evaluate(f"!!{PLACED.format(name)}.flags.ghost"):
            return
        await asyncio.sleep(1)                      # it follows the mouse until a click
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            await browser.call("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], clickCount=1,
                               button="none" if kind == "mouseMoved" else "left")
    raise AssertionError(f"{name} follows the mouse after 30 clicks")


async def faces(server, vue):
    """How many pictures each blueprint gives, and the sides of one."""
    seen = {}
    async with front_end(server, READY, EMPTY, vue) as browser:
        for name, (slot, example) in DRAWINGS.items():
            await place(browser, name, (500, 300))
            await browser.evaluate(f"""(() => {{ {TOOLS}
                const drawing = add('DDGIExampleDrawing', [0, 0]), save = add('PreviewImage', [900, 0]);
                drawing.widgets[0].value = '{example}';
                const node = {PLACED.format(name)};
                window.preview = save;
                link(drawing, 'image', node, '{slot}'); link(node, 'image', save, 'images'); }})()""")
            seen[name] = await result(browser)
            if name != "3D head":
                await browser.evaluate(EMPTY)
                continue
            await place(browser, "Turn a head", (500, 700))
            await browser.evaluate(f"""(() => {{ {TOOLS}
                const head = {PLACED.format(name)}, node = {PLACED.format("Turn a head")};
                const save = add('PreviewImage', [900, 400]);
                window.preview = save;
                node.widgets.find(w => w.name === 'frames').value = 3;
                link(head, 'latent', node, 'latent'); link(head, 'generator', node, 'generator');
                link(node, 'frames', save, 'images'); }})()""")
            seen["Turn a head"] = await result(browser)
            await browser.evaluate(EMPTY)
    return seen


async def result(browser):
    await browser.evaluate("""window.images = null; app.api.addEventListener('executed', e => {
        if (String(e.detail.node) === String(preview.id)) window.images = e.detail.output.images; })""")
    await browser.evaluate(RUN)
    await until(browser, "window.images")
    return await browser.evaluate("""(async () => { const one = window.images[0], picture = new Image();
        picture.src = app.api.apiURL('/view?' + new URLSearchParams(one)); await picture.decode();
        return [window.images.length, picture.naturalWidth]; })()""")


@pytest.mark.parametrize("vue", [False, True], ids=["classic", "nodes 2.0"])
def test_blueprints_are_found_placed_and_run(server, vue):
    need_browser()
    assert asyncio.run(faces(server, vue)) == {"Mask and words to face": [1, 256], "3D head": [1, 128],
                                               "Turn a head": [3, 128], "Scribble and words to face": [1, 256]}
