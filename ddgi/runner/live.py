"""Faces that follow a hand in ComfyUI's real front end: how many a second, and how old the last one is at rest.

Server and browser share this machine, and the browser draws its pages without a graphics card, which takes much of a
small processor: a machine with one is faster.
"""

import asyncio
import base64
import itertools
import json
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from ..errors import InputError
from ..painting import PREFIX
from .browser import Browser
from .frontend import RUN, front_end, graph_of, load
from .host import PACK_ROOT
from .prompts import load_workflow, run_prompt
from .server import Server

SECONDS = 6.0           # of each movement
ASKED = 200             # drawings whose faces are asked for, one after the other
_WORDS = "a happy woman with red hair"
_PAUSE = 0.025          # seconds between two reports of the mouse
_REST = 2.0             # seconds in which the last face must come
_WINDOW = (1400, 900)
_PAINT, _EDIT = "00 Paint a live face (DDGI)", "08 Edit a face by words (DDGI)"
_FACE = "document.querySelector('.ddgi-face img')"
_CANVAS = "document.querySelector('.ddgi-painter canvas')"
_WATCH = f"window.faces = []; {_FACE}.onload = () => faces.push(performance.now()); performance.now()"
_HEAD = """for (const node of app.graph.nodes) if (node.type === 'DDGILoadDemoModels')
    node.widgets[0].value = node.widgets[0].options.values.find(kind => kind.startsWith('3D'))"""


def live_costs(workflows: Path, report: Callable[[str], None] = lambda line: None) -> dict[str, dict[str, float]]:
    """{"asked": {"seconds": from a changed drawing to its JPEG, over HTTP and with no browser; median of `ASKED`},
    "first face": {"seconds": from the template's opening to the face}, "brush", "turn", "slider": {"per_second": faces
    while the hand moves, "rest_ms": from its last movement to the last face}}.

    Raises:
        InputError: there is no browser, or ComfyUI does not start.
    """
    with tempfile.TemporaryDirectory() as output, Server(output, cpu=True, report=report) as server:
        return {"asked": _asked(server, workflows), **asyncio.run(_costs(server, workflows))}


def _asked(server: Server, workflows: Path) -> dict[str, float]:
    """What the painter waits for, asked by another process."""
    graph = load_workflow(workflows / f"{_PAINT}.json")
    said = run_prompt(server, graph).said
    session = next(reported["ddgi_live"][0] for reported in said.values() if "ddgi_live" in reported)
    drawings = [PREFIX + base64.b64encode(path.read_bytes()).decode()
                for path in sorted((PACK_ROOT / "demo" / "examples").glob("mask_*.png"))]
    seconds = []
    for drawing in itertools.islice(itertools.cycle(drawings), ASKED):
        begun = time.perf_counter()
        status, answer = server.ask("/ddgi/live", {"session": session, "drawing": drawing, "prompt": _WORDS})
        if status != 200:
            raise InputError(f"The live face refused a drawing: {answer.decode(errors='replace')}")
        seconds.append(time.perf_counter() - begun)
    return {"seconds": median(seconds), "per_second": 1 / median(seconds)}


async def _costs(server: Server, workflows: Path) -> dict[str, dict[str, float]]:
    async with front_end(server, _WINDOW, webgl=False) as browser:
        begun = time.monotonic()
        await _open(browser, workflows, _PAINT)
        found = {"first face": {"seconds": time.monotonic() - begun}}
        found["brush"] = await _moved(browser, lambda: _dragged(browser, _CANVAS, 0.3))
        await _open(browser, workflows, _PAINT, _HEAD)
        found["turn"] = await _moved(browser, lambda: _dragged(browser, _FACE, 0.1))
        await _open(browser, workflows, _EDIT)
        found["slider"] = await _moved(browser, lambda: _slid(browser))
        return found


async def _open(browser: Browser, workflows: Path, name: str, change: str = "") -> None:
    """Load a template, change it, run it, and wait for the face that follows."""
    await load(browser, graph_of(workflows, name), name)
    await browser.evaluate(change)
    await browser.evaluate(RUN)
    while not await browser.evaluate(f"!!{_FACE}?.naturalWidth"):
        await asyncio.sleep(0.05)
    await browser.evaluate("app.extensionManager.command.execute('Comfy.Canvas.FitView')")
    await asyncio.sleep(_REST)


async def _moved(browser: Browser, movement: Callable) -> dict[str, float]:
    """What came while a hand moved, and after it."""
    start = await browser.evaluate(_WATCH)
    await movement()
    end = await browser.evaluate("performance.now()")
    await asyncio.sleep(_REST)
    faces = json.loads(await browser.evaluate("JSON.stringify(faces)"))
    return {"per_second": sum(face <= end for face in faces) / (end - start) * 1000,
            "rest_ms": max(0.0, max(faces, default=end) - end)}


async def _dragged(browser: Browser, element: str, reach: float) -> None:
    """The mouse goes round over an element in widening circles, its button down."""
    box = json.loads(await browser.evaluate(f"JSON.stringify({element}.getBoundingClientRect())"))
    centre, radius = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), reach * box["width"]

    async def mouse(kind: str, turn: float) -> None:
        x, y = (middle + radius * (0.3 + 0.7 * turn / SECONDS) * way(4 * turn)
                for middle, way in zip(centre, (math.cos, math.sin)))
        await browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1,
                           buttons=0 if kind == "mouseReleased" else 1)

    begun = time.monotonic()
    await mouse("mousePressed", 0.0)
    while (passed := time.monotonic() - begun) < SECONDS:
        await mouse("mouseMoved", passed)
        await asyncio.sleep(_PAUSE)
    await mouse("mouseReleased", SECONDS)


async def _slid(browser: Browser) -> None:
    await browser.evaluate(f"""(async () => {{
        const edit = app.graph.nodes.find(node => node.type === 'DDGIEditFace');
        const slider = edit.widgets.find(widget => widget.name === 'strength_1');
        for (const end = performance.now() + {SECONDS * 1000}; performance.now() < end;) {{
            slider.value = Math.sin(performance.now() / 500);
            await new Promise(done => setTimeout(done, {_PAUSE * 1000}));
        }} }})()""")
