"""What tests in ComfyUI's real front end share."""

import asyncio
import contextlib

import pytest

from ddgi.errors import InputError
from ddgi.runner.browser import Browser, find_browser
from ddgi.runner.frontend import RUN, SETTINGS

__all__ = ["EMPTY", "RUN", "SETTINGS", "TOOLS", "drag", "front_end", "need_browser", "own_graph", "until"]
# For graphs that a test makes.
EMPTY = "app.graph.clear();"
TOOLS = """
    const add = (type, at) => { const n = LiteGraph.createNode(type); n.pos = at; app.graph.add(n); return n; };
    const link = (from, output, to, input) => from.connect(from.outputs.findIndex(o => o.name === output), to,
                                                           to.inputs.findIndex(i => i.name === input));
"""


async def drag(browser, start, end, moves=6):
    """Press at `start`, go to `end` and let go; both in pixels of the window."""
    for kind, share in [("mousePressed", 0), *(("mouseMoved", i / moves) for i in range(1, moves + 1)),
                        ("mouseReleased", 1)]:
        x, y = (a + (b - a) * share for a, b in zip(start, end))
        await browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1,
                           buttons=0 if kind == "mouseReleased" else 1)


async def until(browser, condition, limit=60):
    for _ in range(limit * 5):
        if await browser.evaluate(f"!!({condition})"):
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"never: {condition}")


async def own_graph(browser):
    """The front end loads a graph of its own first, which would take the place of a test's."""
    await until(browser, "app.graph.nodes.length && app.extensionManager?.workflow?.activeWorkflow")
    await asyncio.sleep(1)


def need_browser():
    """Skip the test where there is no Chromium."""
    try:
        find_browser()
    except InputError as error:
        pytest.skip(str(error))


@contextlib.asynccontextmanager
async def front_end(server, ready, graph, vue, locale="en"):
    """The front end with a graph, a `Browser`, once `ready` holds; vue: Nodes 2.0."""
    await asyncio.to_thread(server.post, "/settings",
                            {**SETTINGS, "Comfy.VueNodes.Enabled": vue, "Comfy.Locale": locale})
    async with Browser(1500, 1000) as browser:
        await browser.open(server.url, ready)
        await own_graph(browser)
        await browser.evaluate(graph)
        yield browser
