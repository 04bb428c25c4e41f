"""Use ComfyUI's own front end to export workflows and to take their pictures."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from ..errors import InputError
from ..files import atomic_path
from .browser import Browser
from .server import Server

_READY = "window.app && window.app.graph && window.app.canvas && window.LiteGraph && " \
         "Object.keys(window.LiteGraph.registered_node_types).includes('DDGIRender')"
# Templates, tours and update notices would cover the picture.
SETTINGS = {"Comfy.TutorialCompleted": True, "Comfy.InstalledVersion": "1.47.12", "Comfy.Release.Status": "skip",
            "Comfy.Workflow.ShowMissingNodesWarning": False, "Comfy.Workflow.ShowMissingModelsWarning": False,
            "Comfy.UseNewMenu": "Top", "Comfy.Minimap.Visible": False, "Comfy.Workflow.Persist": False,
            "Comfy.Locale": "en", "LiteGraph.Canvas.MinFontSizeForLOD": 0}
_NOTES = ("MarkdownNote", "Note")  # they exist in the front end only
_SETTLE = 5.0  # seconds until the front end has loaded its first graph
_NODE_SETTLE = 0.7  # until a node's widgets stand where they belong
_WINDOW = (2400, 1350)
_THUMBNAIL = (1280, 720)
_VIEWER_SETTLE = 8.0  # seconds until videos and 3D viewers show what a finished prompt gave them
RUN = """new Promise((done, failed) => {
    const listen = (name, act) => app.api.addEventListener(name, event => act(event.detail), {once: true});
    listen('execution_success', () => done(true));
    listen('execution_error', e => failed(new Error(`${e.node_type}: ${e.exception_message}`)));
    app.queuePrompt(0, 1).then(taken => taken || failed(new Error('ComfyUI refused the workflow')), failed);
})"""
# Where nodes and groups lie in the window: [left, top, right, bottom] in pixels.
_GRAPH_BOX = """(() => {
    const {scale, offset} = app.canvas.ds, frame = app.canvas.canvas.getBoundingClientRect();
    const boxes = [...app.graph.nodes.map(n => [n.pos[0], n.pos[1] - 50, n.pos[0] + n.size[0], n.pos[1] + n.size[1]]),
        ...app.graph.groups.map(g => [g.pos[0], g.pos[1], g.pos[0] + g.size[0], g.pos[1] + g.size[1]])];
    const edge = i => (i < 2 ? Math.min : Math.max)(...boxes.map(box => box[i]));
    const at = i => (edge(i) + offset[i % 2]) * scale + (i % 2 ? frame.top : frame.left);
    return [0, 1, 2, 3].map(i => Math.round(at(i)));
})()"""


def export_workflows(server: Server, folder: Path, names: list[str],
                     report: Callable[[str], None] = lambda line: None) -> list[dict]:
    """Write api/<name>.json and <name>.jpg beside each front-end workflow <name>.json in `folder`.

    Returns:
        Per workflow {"name", "nodes", "api", "picture"}.

    Raises:
        InputError: no browser, or the front end does not know a node of the workflow.
    """
    return asyncio.run(_export(server, folder, names, report))


def photograph_results(server: Server, folder: Path, names: list[str], target: Path,
                       report: Callable[[str], None] = lambda line: None) -> list[dict]:
    """Run each workflow of `folder` in the front end and write the graph with its results to `target`/<name>.png.

    Returns:
        Per workflow {"name", "picture"}.

    Raises:
        InputError: no browser, a node that the front end does not know, or a node that fails.
    """
    return asyncio.run(_photograph(server, folder, names, target, report))


async def _photograph(server: Server, folder: Path, names: list[str], target: Path, report) -> list[dict]:
    target.mkdir(parents=True, exist_ok=True)
    results = []
    async with front_end(server) as browser:
        for name in names:
            await load(browser, graph_of(folder, name), name)
            await browser.evaluate(RUN)
            await asyncio.sleep(_VIEWER_SETTLE)
            picture = target / f"{name}.png"
            await _picture(browser, picture, _WINDOW)
            report(str(picture))
            results.append({"name": name, "picture": str(picture)})
    return results


def photograph_nodes(server: Server, names: list[str], target: Path,
                     report: Callable[[str], None] = lambda line: None) -> None:
    """Write a picture of each node as it is placed to `target`/<name>.jpg. Raises InputError where there is no browser.
    """
    asyncio.run(_photograph_nodes(server, names, target, report))


async def _photograph_nodes(server: Server, names: list[str], target: Path, report) -> None:
    target.mkdir(parents=True, exist_ok=True)
    async with front_end(server) as browser:
        for name in names:
            await browser.evaluate(f"""(() => {{
                // Not clear(): numbers would begin anew, and a node gets the values of the last one with its number.
                for (const old of [...app.graph.nodes]) app.graph.remove(old);
                const node = LiteGraph.createNode({json.dumps(name)});
                node.pos = [500, 200];
                app.graph.add(node);
                app.canvas.ds.scale = 1;
                app.canvas.ds.offset = [0, 0];
                app.canvas.setDirty(true, true);
            }})()""")
            await asyncio.sleep(_NODE_SETTLE)
            path = target / f"{name}.jpg"
            with atomic_path(path) as temporary:
                await browser.screenshot(temporary)
                left, top, right, bottom = await browser.evaluate(_GRAPH_BOX)
                picture = Image.open(temporary).convert("RGB").crop((left - 10, top, right + 10, bottom + 10))
                picture.save(temporary, "JPEG", quality=75, optimize=True)
            report(str(path))


@contextlib.asynccontextmanager
async def front_end(server: Server, window: tuple[int, int] = _WINDOW, *, webgl: bool = True):
    """A browser in which ComfyUI's front end is ready; window, webgl: as in `Browser`."""
    await asyncio.to_thread(server.post, "/settings", SETTINGS)
    async with Browser(*window, webgl=webgl) as browser:
        await browser.open(server.url, _READY)
        await asyncio.sleep(_SETTLE)
        yield browser


def graph_of(folder: Path, name: str) -> dict:
    """The workflow `folder`/<name>.json. Raises InputError where there is none."""
    path = folder / f"{name}.json"
    if not path.is_file():
        raise InputError(f"There is no workflow {path}; check the name.")
    return json.loads(path.read_text(encoding="utf-8"))


async def _export(server: Server, folder: Path, names: list[str], report) -> list[dict]:
    (folder / "api").mkdir(exist_ok=True)
    results = []
    async with front_end(server) as browser:
        for name in names:
            graph = graph_of(folder, name)
            await load(browser, graph, name)
            api = await browser.evaluate("app.graphToPrompt().then(prompt => prompt.output)")
            _check(name, graph, api)
            target = folder / "api" / f"{name}.json"
            target.write_text(json.dumps(api, indent=2) + "\n", encoding="utf-8")
            await _picture(browser, folder / f"{name}.jpg", _THUMBNAIL)
            report(f"{target} ({len(api)} nodes)")
            results.append({"name": name, "nodes": len(api), "api": str(target), "picture": f"{name}.jpg"})
    return results


async def load(browser: Browser, graph: dict, name: str) -> None:
    """Open a workflow. Raises InputError where the front end does not know one of its nodes."""
    types = sorted({node["type"] for node in graph["nodes"]})
    missing = await browser.evaluate(
        f"{json.dumps(types)}.filter(type => !(type in window.LiteGraph.registered_node_types))")
    if missing:
        raise InputError(f"{name}.json uses nodes that this ComfyUI does not have: {', '.join(missing)}; "
                         f"update ComfyUI or correct the workflow.")
    await browser.evaluate(f"app.loadGraphData({json.dumps(graph)}, true, true).then(() => true)")


def _check(name: str, graph: dict, api: dict) -> None:
    """The export must hold exactly the workflow's nodes; the front end can still be busy with an older graph."""
    expected = sorted(node["type"] for node in graph["nodes"] if node["type"] not in _NOTES)
    if sorted(node["class_type"] for node in api.values()) != expected:
        raise InputError(f"The front end exported other nodes than {name}.json has; run the command again.")


async def _picture(browser: Browser, path: Path, size: tuple[int, int]) -> None:
    """Fit the graph into the window and photograph the canvas alone, at most `size` large."""
    await browser.evaluate("""(async () => {
        for (const mask of document.querySelectorAll('.p-dialog-mask, .p-toast')) mask.remove();
        await app.extensionManager.command.execute('Comfy.Canvas.FitView');
        await new Promise(done => setTimeout(done, 1500));
        app.canvas.setDirty(true, true);
        await new Promise(done => setTimeout(done, 500));
    })()""")
    await browser.screenshot(path)
    left, top, right, bottom = await browser.evaluate(_GRAPH_BOX)
    picture = Image.open(path).convert("RGB").crop((left - 20, top - 20, right + 20, bottom + 20))
    picture.thumbnail(size, Image.Resampling.LANCZOS)
    picture.save(path, quality=82, optimize=True)
