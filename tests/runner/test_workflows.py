"""Every template in ComfyUI's front end: readable as it opens, an app too, and in its frames after a run."""

import asyncio
import json
from pathlib import Path

import pytest

from ddgi.runner.browser import Browser

from .pages import RUN, SETTINGS, front_end, need_browser, own_graph, until

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = {path.stem: json.loads(path.read_text(encoding="utf-8"))
             for path in sorted((ROOT / "workflows").glob("*.json"))}
WIDEST = 1600       # of a template, in the graph's pixels
SMALLEST = 8        # of text, in pixels of a window of 1920 x 1080
SIDE = 256          # of a result, at least
TRAINS = ("10 ", "15 ")  # take minutes
VIEWERS = {"SaveVideo", "Preview3D", "SaveGLB"}  # show what they have some seconds after the run
FEW = {"steps": 2, "frames": 3, "resolution": 32, "faces": 2}     # a quick run: the layout is what is looked at
READY = "window.app && app.graph && window.LiteGraph && 'DDGIRender' in LiteGraph.registered_node_types"
LISTEN = """window.faults = [];
    console.error = (...said) => faults.push(said.map(String).join(' '));
    addEventListener('error', e => faults.push(e.message));
    addEventListener('unhandledrejection', e => faults.push(String(e.reason)));"""
# The smallest text: of the canvas (classic), of elements inside nodes (both).
LOOK = """(async () => {
    app.extensionManager.command.execute('Comfy.Canvas.FitView');
    await new Promise(done => setTimeout(done, 700));
    const scale = app.canvas.ds.scale, stores = document.querySelector('#vue-app').__vue_app__.config.globalProperties;
    const app_mode = stores.$pinia._s.get('appMode');
    const texts = [...document.querySelectorAll('.comfy-multiline-input, .comfy-markdown p, [data-node-id] span')]
        .filter(e => e.offsetWidth && e.textContent.trim() + (e.value ?? ''))
        .map(e => parseFloat(getComputedStyle(e).fontSize) * scale);
    const boxes = [...app.graph.nodes, ...app.graph.groups];
    return {
        width: Math.max(...boxes.map(b => b.pos[0] + b.size[0])) - Math.min(...boxes.map(b => b.pos[0])),
        text: Math.min(LiteGraph.NODE_SUBTEXT_SIZE * scale, ...texts), blank: app.canvas.low_quality,
        nodes: app.graph.nodes.map(n => n.type),
        missing: app.graph.nodes.map(n => n.type).filter(t => !(t in LiteGraph.registered_node_types)),
        inputs: app_mode.selectedInputs.length, outputs: app_mode.selectedOutputs.length, faults: faults.splice(0)};
})()"""
# Pairs of nodes that cover each other, nodes that leave the frame they begin in, and the smallest side of each picture.
LAID = """(() => {
    const box = (b, top, fold) => [b.pos[0], b.pos[1] - top, b.pos[0] + (fold ? 80 : b.size[0]),
                                   b.pos[1] + (fold ? 0 : b.size[1])];
    const nodes = app.graph.nodes.map(n => [n.title || n.type, box(n, 30, n.flags.collapsed)]);
    const frames = app.graph.groups.map(g => box(g, 0));
    const meet = (a, b) => a[0] < b[2] - 1 && b[0] < a[2] - 1 && a[1] < b[3] - 1 && b[1] < a[3] - 1;
    const inside = (a, b) => a[0] >= b[0] && a[1] >= b[1] && a[2] <= b[2] && a[3] <= b[3];
    return {
        covered: nodes.flatMap(([one, a], k) => nodes.slice(k + 1).filter(([, b]) => meet(a, b))
            .map(([other]) => `${one} / ${other}`)),
        outside: nodes.filter(([, a]) => !frames.some(b => inside(a, b))).map(([name]) => name),
        pictures: app.graph.extra.linearData.outputs.flatMap(id => app.graph.getNodeById(id).imgs ?? [])
            .map(i => Math.min(i.naturalWidth, i.naturalHeight))};
})()"""
FOUND = """[...document.querySelectorAll('[data-testid^=template-workflow-]')]
    .map(card => card.dataset.testid.slice('template-workflow-'.length))"""
DROP = """(async () => {
    const [{filename, subfolder, type}] = app.nodeOutputs[15].images;
    const file = await app.api.fetchApi('/view?' + new URLSearchParams({filename, subfolder, type}));
    const dropped = new DataTransfer();
    dropped.items.add(new File([await file.blob()], filename, {type: 'image/png'}));
    app.graph.clear();
    document.dispatchEvent(new DragEvent('drop', {dataTransfer: dropped, bubbles: true, cancelable: true}));
})()"""


async def load(browser, graph):
    await browser.evaluate(f"app.loadGraphData({json.dumps(graph)}, true, true, null, {{openSource: 'template'}})"
                           f".then(() => true)")


async def visit(server, vue, names, act):
    """What `act(browser, name)` saw of each template."""
    need_browser()
    await asyncio.to_thread(server.post, "/settings", {**SETTINGS, "Comfy.VueNodes.Enabled": vue})
    seen = {}
    async with Browser(1920, 1080) as browser:
        await browser.call("Page.addScriptToEvaluateOnNewDocument", source=LISTEN)
        await browser.open(server.url, READY)
        await own_graph(browser)
        await browser.evaluate("faults.splice(0)")
        for name in names:
            await load(browser, TEMPLATES[name])
            seen[name] = await act(browser, name)
    return seen


@pytest.mark.parametrize("vue", [False, True], ids=["classic", "nodes 2.0"])
def test_every_template_opens_whole_and_readable_and_as_an_app(server, vue):
    seen = asyncio.run(visit(server, vue, TEMPLATES, lambda browser, name: browser.evaluate(LOOK)))
    for name, page in seen.items():
        graph = TEMPLATES[name]
        assert page["width"] <= WIDEST and page["text"] >= SMALLEST and not page["blank"], (name, page)
        assert sorted(page["nodes"]) == sorted(node["type"] for node in graph["nodes"]) and not page["missing"], name
        assert not page["faults"], name
        chosen = graph["extra"]["linearData"]        # the front end drops what is not there
        assert [page["inputs"], page["outputs"]] == [len(chosen["inputs"]), len(chosen["outputs"])], name
        assert page["inputs"] and page["outputs"], name


def test_after_a_run_nodes_keep_to_their_frames_and_results_are_large(server):
    async def run(browser, name):
        await browser.evaluate(f"for (const n of app.graph.nodes) for (const w of n.widgets ?? []) "
                               f"w.value = {json.dumps(FEW)}[w.name] ?? w.value")
        await browser.evaluate(RUN)
        await asyncio.sleep(4 if VIEWERS & {node["type"] for node in TEMPLATES[name]["nodes"]} else 0.7)
        return await browser.evaluate(LAID)

    names = [name for name in TEMPLATES if "SD 1.5" not in name and not name.startswith(TRAINS)]
    seen = asyncio.run(visit(server, False, names, run))
    assert {name: [page["covered"], page["outside"]] for name, page in seen.items()} == {
        name: [[], []] for name in names}
    pictures = {name: page["pictures"] for name, page in seen.items()}
    assert len([name for name in names if pictures[name]]) >= 7         # the others show videos and a 3D model
    assert min(side for sides in pictures.values() for side in sides) >= SIDE, pictures


def test_a_dropped_result_brings_its_graph_back(server):
    async def drop(browser, name):
        await browser.evaluate(RUN)
        await browser.evaluate(DROP)
        await until(browser, f"app.graph.nodes.length === {len(TEMPLATES[name]['nodes'])}")
        return await browser.evaluate("app.graph.serialize()")

    name = "01 Face from words and mask (DDGI)"
    [restored] = asyncio.run(visit(server, False, [name], drop)).values()
    for part in ("type", "pos", "flags", "widgets_values"):
        assert {str(node["id"]): node.get(part) for node in restored["nodes"]} == {
            str(node["id"]): node.get(part) for node in TEMPLATES[name]["nodes"]}
    assert restored["extra"]["linearData"] == TEMPLATES[name]["extra"]["linearData"]


def test_the_template_browser_finds_them_by_what_people_type(server):
    async def search():
        seen = {}
        async with front_end(server, READY, "app.extensionManager.command.execute('Comfy.BrowseTemplates')",
                             False) as browser:
            await until(browser, f"{FOUND}.length")
            box = "document.querySelector('[role=dialog] input[type=text]')"
            # What the word's cards have that those of the word before it have not.
            for word, new in [("ddgi", ".every(name => name.endsWith('(DDGI)'))"),
                              ("stylegan", ".every(name => !name.startsWith('10 Train'))"),
                              ("face", ".some(name => name.startsWith('00 Paint'))")]:
                await browser.evaluate(f"{box}.focus(); {box}.select()")
                await browser.call("Input.insertText", text=word)
                await until(browser, f"{FOUND}.length && {FOUND}{new}")
                seen[word] = await browser.evaluate(FOUND)
        return seen

    need_browser()
    seen = asyncio.run(search())
    assert set(seen["ddgi"]) == set(TEMPLATES)
    assert {name for name in TEMPLATES if "StyleGAN" in name} < set(seen["stylegan"][:5])
    assert set(seen["face"][:3]) < set(TEMPLATES)
