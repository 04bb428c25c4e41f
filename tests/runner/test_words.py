"""The strip of words on DDGI Attention View in ComfyUI's real front end, in classic rendering and in Nodes 2.0."""

import asyncio

import pytest

from .pages import EMPTY, RUN, TOOLS, front_end, need_browser, until

READY = "window.app && app.graph && window.LiteGraph && 'DDGIAttentionView' in LiteGraph.registered_node_types"
GRAPH = f"(async () => {{ {EMPTY} {TOOLS}" + """
    const models = add('DDGILoadDemoModels', [20, 60]), prompt = add('DDGIPrompt', [20, 320]);
    const latent = add('EmptyLatentImage', [20, 560]), encode = add('DDGIEncodeImage', [360, 60]);
    const view = add('DDGIAttentionView', [700, 40]), save = add('MaskPreview', [1100, 40]);
    const set = (node, values) => node.widgets.forEach(w => { if (w.name in values) w.value = values[w.name]; });
    set(prompt, {text: 'a smiling woman with a hat and glasses'});
    set(latent, {width: 64, height: 64});
    set(encode, {noise_level: 1, seed: 0});
    link(models, 'model', encode, 'model'); link(models, 'clip', prompt, 'clip');
    link(prompt, 'positive', encode, 'positive'); link(latent, 'LATENT', encode, 'latent');
    link(encode, 'features', view, 'features'); link(view, 'masks', save, 'mask');
    view.setSize([360, 700]);
    window.view = view;
    app.canvas.ds.scale = 1; app.canvas.ds.offset = [0, 0]; app.canvas.setDirty(true, true);
})()"""
BUTTON = "[...document.querySelectorAll('.ddgi-words button')].find(b => b.textContent === '{}')"
LIT = "[...document.querySelectorAll('.ddgi-words button[aria-pressed=true]')].map(b => b.textContent).join()"
IMAGE = "document.querySelector('.ddgi-words img')"
WORDS = "view.widgets.find(w => w.name === 'words').value"


async def click_words(server, vue):
    seen = {}
    async with front_end(server, READY, GRAPH, vue) as browser:
        async def click(word, shift="false"):
            await browser.evaluate(f"{BUTTON.format(word)}.dispatchEvent(new MouseEvent('click', "
                                   f"{{bubbles: true, shiftKey: {shift}}}))")
            return await browser.evaluate(f"[{WORDS}, {LIT}, {IMAGE}.alt]")

        await browser.evaluate(RUN)
        await until(browser, f"{IMAGE}?.naturalWidth > 0")
        seen["words"] = await browser.evaluate(
            "[...document.querySelectorAll('.ddgi-words button')].map(b => b.textContent)")
        first = await browser.evaluate(f"{IMAGE}.src")
        seen["one"] = await click("hat")
        await until(browser, f"{IMAGE}.src !== '{first}' && {IMAGE}.complete && {IMAGE}.naturalWidth === 512")
        seen["two"] = await click("glasses", "true")
        await browser.evaluate(RUN)
        seen["saved"] = await browser.evaluate("JSON.stringify(app.graph.serialize())")
        seen["after"] = await browser.evaluate(f"[{LIT}, app.nodeOutputs[view.id].ddgi_words.length]")
        seen["off"] = await click("hat", "true")
        seen["none"] = await click("glasses")
        return seen


@pytest.mark.parametrize("vue", [False, True], ids=["classic", "nodes 2.0"])
def test_a_word_is_clicked_and_its_map_is_seen(server, vue):
    need_browser()
    seen = asyncio.run(click_words(server, vue))
    assert seen["words"] == ["a", "smiling", "woman", "with", "hat", "and", "glasses"]
    assert seen["one"] == ["hat", "hat", "Where the model looks for hat"]
    assert seen["two"] == ["hat, glasses", "hat,glasses", "Where the model looks for glasses"]
    assert seen["after"] == ["hat,glasses", 8]                       # "a" stands twice in the prompt
    assert seen["off"][:2] == ["glasses", "glasses"] and seen["none"][:2] == ["", ""]
    assert "words_seen" not in seen["saved"] and '"hat, glasses"' in seen["saved"]
