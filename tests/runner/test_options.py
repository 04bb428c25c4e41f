"""Drop-downs in the language of the front end, in classic rendering and in Nodes 2.0; what is sent stays English."""

import asyncio
import json
from pathlib import Path

import pytest

from .pages import front_end, need_browser, until

ROOT = Path(__file__).resolve().parents[2]
READY = "window.app && app.graph && window.LiteGraph && 'DDGIOrbit' in LiteGraph.registered_node_types"
GRAPH = """(() => {
    app.graph.clear();
    window.orbit = LiteGraph.createNode('DDGIOrbit');
    orbit.pos = [400, 100];
    app.graph.add(orbit);
    window.path = orbit.widgets.find(w => w.name === 'path');
    app.canvas.ds.scale = 1; app.canvas.ds.offset = [0, 0]; app.canvas.setDirty(true, true);
})()"""


async def look(server, vue):
    async with front_end(server, READY, GRAPH, vue, locale="zh") as browser:
        labels = "Object.fromEntries(path.options.values.map(v => [v, path.options.getOptionLabel?.(v)]))"
        seen = {"labels": await browser.evaluate(labels)}
        if vue:
            await until(browser, f"document.body.textContent.includes({json.dumps(seen['labels']['circle'])})")
        else:
            seen["drawn"] = await browser.evaluate("path._displayValue")
        seen["unknown"] = await browser.evaluate("path.options.getOptionLabel?.('new')")
        seen["sent"] = await browser.evaluate("app.graphToPrompt().then(p => Object.values(p.output)[0].inputs.path)")
        return seen


@pytest.mark.parametrize("vue", [False, True], ids=["classic", "nodes 2.0"])
def test_choices_are_shown_in_chinese_and_sent_in_english(server, vue):
    need_browser()
    definitions = json.loads((ROOT / "locales" / "zh" / "nodeDefs.json").read_text(encoding="utf-8"))
    chinese = definitions["DDGIOrbit"]["inputs"]["path"]["options"]
    seen = asyncio.run(look(server, vue))
    assert seen["labels"] == chinese and chinese["circle"] != "circle"
    assert vue or seen["drawn"] == chinese["circle"]
    assert [seen["unknown"], seen["sent"]] == ["new", "circle"]
