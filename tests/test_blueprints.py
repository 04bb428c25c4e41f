"""Blueprints and templates: links that agree, nodes as the templates have them, one value for each promoted widget."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLUEPRINTS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "subgraphs").glob("*.json")}
TEMPLATES = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "workflows").glob("*.json"))]
FOREIGN = "SD 1.5"          # in the names of templates for it


@pytest.fixture(params=sorted(BLUEPRINTS))
def blueprint(request):
    """The node that is placed, and the graph inside it."""
    graph = BLUEPRINTS[request.param]
    [node], [inner] = graph["nodes"], graph["definitions"]["subgraphs"]
    assert node["type"] == inner["id"] and node["title"] == inner["name"] == request.param
    return node, inner


def test_links_agree_with_the_slots_at_both_ends(blueprint):
    node, inner = blueprint
    nodes = {entry["id"]: entry for entry in inner["nodes"]}
    for link in inner["links"]:
        number = link["id"]
        start = nodes[link["origin_id"]]["outputs"] if link["origin_id"] > 0 else inner["inputs"]
        end = nodes[link["target_id"]]["inputs"] if link["target_id"] > 0 else inner["outputs"]
        origin, target = start[link["origin_slot"]], end[link["target_slot"]]
        assert origin["type"] == target["type"] == link["type"]
        assert number in origin.get("links", origin.get("linkIds"))
        assert number == target["link"] if "link" in target else number in target["linkIds"]
    ends = [slot["link"] for entry in inner["nodes"] for slot in entry["inputs"] if slot["link"]]
    assert len(ends) + len(inner["outputs"]) == len(inner["links"])


def test_the_placed_node_has_the_borders_of_its_graph_and_a_value_for_each_widget(blueprint):
    node, inner = blueprint
    for side in ("inputs", "outputs"):
        assert [(slot["name"], slot["type"], slot.get("label")) for slot in node[side]] == [
            (slot["name"], slot["type"], slot.get("label")) for slot in inner[side]]
    assert len(node["widgets_values"]) == sum("widget" in slot for slot in node["inputs"])


def test_inner_nodes_are_set_as_in_the_templates(blueprint):
    """A node of some template has as many values, and a choice of models or a size that a template has, too."""
    _, inner = blueprint
    for entry in inner["nodes"]:
        alike = [node for graph in TEMPLATES for node in graph["nodes"] if node["type"] == entry["type"]]
        assert len(entry["widgets_values"]) in {len(node["widgets_values"]) for node in alike}, entry["type"]
        if entry["type"] in ("DDGILoadDemoModels", "EmptyLatentImage"):
            assert entry["widgets_values"] in [node["widgets_values"] for node in alike]
        known = {(slot["name"], slot["type"]) for node in alike for slot in node["inputs"]}
        assert {(slot["name"], slot["type"]) for slot in entry["inputs"] if "widget" not in slot} <= known


def test_cfg_guides_by_the_drawing_as_by_the_words():
    """The negative prompt goes past Apply ControlNet, where the demo model draws; SD 1.5 has both go through it."""
    graphs = [*TEMPLATES, *(graph["definitions"]["subgraphs"][0] for graph in BLUEPRINTS.values())]
    ends = [(FOREIGN in graph.get("id", ""), *node["outputs"]) for graph in graphs for node in graph["nodes"]
            if node["type"] == "ControlNetApplyAdvanced"]
    assert len(ends) > 10
    for is_foreign, positive, negative in ends:
        assert positive["links"] and bool(negative["links"]) == is_foreign
