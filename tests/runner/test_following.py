"""Sliders that move a face and a head that is turned by mouse, in ComfyUI's real front end, old and new."""

import asyncio
import json

import pytest

from .pages import EMPTY, RUN, TOOLS, drag, front_end, need_browser, until

READY = "window.app && app.graph && window.LiteGraph && 'DDGIEditFace' in LiteGraph.registered_node_types"
START = EMPTY + TOOLS + """
    const models = add('DDGILoadDemoModels', [20, 60]), face = add('DDGIRandomFace', [20, 330]);
    link(models, 'generator', face, 'generator');
"""
END = """
    app.canvas.ds.scale = 1; app.canvas.ds.offset = [0, 0]; app.canvas.setDirty(true, true);
"""
SLIDERS = f"""(async () => {{ {START}
    const found = add('DDGIFindDirections', [360, 60]), edit = add('DDGIEditFace', [720, 40]);
    const render = add('DDGIRender', [1100, 40]), save = add('PreviewImage', [1100, 560]);
    link(models, 'generator', found, 'generator'); link(models, 'generator', edit, 'generator');
    link(face, 'latent', edit, 'latent'); link(found, 'directions', edit, 'direction_2');
    link(models, 'generator', render, 'generator'); link(edit, 'latent', render, 'latent');
    link(render, 'image', save, 'images');
    found.widgets.find(w => w.name === 'method.count').value = 1;
    window.edit = edit; {END} }})()"""
HEAD = f"""(async () => {{ {START}
    const render = add('DDGIRender', [500, 40]), save = add('PreviewImage', [1000, 40]);
    models.widgets[0].value = '3D head (EG3D)';
    link(models, 'generator', render, 'generator'); link(face, 'latent', render, 'latent');
    link(render, 'image', save, 'images');
    window.head = render; {END} }})()"""
FACE = "document.querySelector('.ddgi-face img')"
NEW = f"{FACE}.src.startsWith('blob:') && {FACE}.naturalWidth === 256 && {FACE}.src !== '{{}}'"
BUTTON = "[...document.querySelectorAll('.ddgi-face button')].find(b => b.textContent === '{}')"
SLIDER = "edit.widgets.find(w => w.name === 'strength_2')"
CAMERA = "app.graph.nodes.find(n => n.type === 'DDGICamera')"


async def shown(browser, before=""):
    await until(browser, NEW.format(before))
    return await browser.evaluate(f"{FACE}.src")


async def move_sliders(server, vue):
    seen = {}
    async with front_end(server, READY, SLIDERS, vue) as browser:
        await browser.evaluate(RUN)
        first = await shown(browser)
        seen["label"] = await browser.evaluate(f"{SLIDER}.label")
        await browser.evaluate(f"{SLIDER}.value = 2.5")
        second = await shown(browser, first)
        await browser.evaluate("app.extensionManager.dialog.prompt = async () => 'mine'")
        await browser.evaluate(f"{BUTTON.format('save')}.click()")
        await until(browser, "edit.properties.ddgi_looks")
        await browser.evaluate(f"{BUTTON.format('all to 0')}.click()")
        seen["zero"] = await browser.evaluate(f"{SLIDER}.value")
        third = await shown(browser, second)
        seen["saved"] = await browser.evaluate("JSON.stringify(app.graph.serialize())")
        choose = "(s => { s.value = 'mine'; s.onchange(); })(document.querySelector('.ddgi-face select'))"
        await browser.evaluate(choose)
        await shown(browser, third)
        seen["again"] = await browser.evaluate(f"{SLIDER}.value")
        await browser.evaluate(f"{BUTTON.format('delete')}.click()")
        seen["looks"] = await browser.evaluate("JSON.stringify(edit.properties.ddgi_looks)")
    return seen


async def turn_head(server, vue):
    seen = {}
    async with front_end(server, READY, HEAD, vue) as browser:
        seen["before"] = await browser.evaluate("head.size[1]")
        await browser.evaluate(RUN)
        await until(browser, f"{BUTTON.format('turn the head')}?.offsetParent")
        await browser.evaluate(f"{BUTTON.format('turn the head')}.click()")
        first = await shown(browser)
        await asyncio.sleep(1)                       # the node has grown
        box = json.loads(await browser.evaluate(f"JSON.stringify({FACE}.getBoundingClientRect())"))
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        seen["inside"] = box["height"] > 100 and box["y"] + box["height"] < 1000
        await drag(browser, middle, (middle[0] - 50, middle[1] + 25))
        second = await shown(browser, first)
        await browser.evaluate(f"{BUTTON.format('keep this view')}.click()")
        seen["camera"] = await browser.evaluate(f"{CAMERA}.widgets.slice(0, 2).map(w => w.value)")
        await drag(browser, middle, (middle[0] + 50, middle[1]))
        await shown(browser, second)
        seen["moved"] = await browser.evaluate(f"{CAMERA}.widgets.slice(0, 2).map(w => w.value)")
        await browser.evaluate(f"{FACE}.dispatchEvent(new KeyboardEvent('keydown', {{key: 'Home', bubbles: true}}))")
        seen["home"] = await browser.evaluate(f"{CAMERA}.widgets.slice(0, 2).map(w => w.value)")
        seen["button"] = await browser.evaluate(f"!!{BUTTON.format('keep this view')}.offsetParent")
        seen["saved"] = await browser.evaluate("JSON.stringify(head.serialize())")
    return seen


@pytest.mark.parametrize("vue", [False, True], ids=["classic", "nodes 2.0"])
def test_a_slider_moves_the_face_and_looks_are_kept(server, vue):
    need_browser()
    seen = asyncio.run(move_sliders(server, vue))
    assert seen["label"] == "SeFa 0"
    assert seen["zero"] == 0 and seen["again"] == 2.5 and seen["looks"] == "{}"
    assert '"mine"' in seen["saved"] and "face_seen" not in seen["saved"]


@pytest.mark.parametrize("vue", [False, True], ids=["classic", "nodes 2.0"])
def test_a_head_is_turned_and_its_view_goes_to_a_camera(server, vue):
    need_browser()
    seen = asyncio.run(turn_head(server, vue))
    assert seen["inside"]
    assert seen["camera"] == pytest.approx([20.0, 10.0], abs=0.5)    # 0.4 degrees a pixel; the face goes left and down
    assert seen["moved"] == pytest.approx([0.0, 10.0], abs=3)        # a browser may join the last moves
    assert seen["home"] == [0, 0] and not seen["button"]
    assert '"ddgi_turning":true' in seen["saved"]
