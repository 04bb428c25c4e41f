"""Help pages and translations keep up with the nodes."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IDS = sorted(path.stem for path in (ROOT / "web" / "docs").glob("*.md"))


@pytest.fixture(scope="module")
def schemas(pack):
    return {node.GET_SCHEMA().node_id: node.GET_SCHEMA() for node in pack.nodes.node_classes()}


def test_every_node_has_a_help_page(schemas):
    assert set(schemas) == set(IDS)


@pytest.mark.parametrize("node_id", IDS)
def test_help_page_names_every_input_and_output(schemas, node_id):
    schema = schemas[node_id]
    page = (ROOT / "web" / "docs" / f"{node_id}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {schema.display_name}\n")
    assert not [entry.id for entry in schema.inputs if f"| {entry.id}" not in page]
    names = [output.display_name or output.io_type for output in schema.outputs]
    assert not [name for name in names if f"| {name} |" not in page]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_translation_covers_every_node_and_input(schemas, language):
    translated = json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text(encoding="utf-8"))
    assert set(translated) == set(schemas)
    for node_id, schema in schemas.items():
        inputs = set(translated[node_id].get("inputs", {})) - {"control_after_generate"}
        assert inputs == {entry.id for entry in schema.inputs}
        assert len(translated[node_id]["outputs"]) == len(schema.outputs)


def test_every_input_has_a_tooltip_and_every_node_a_description(schemas):
    assert not [node_id for node_id, schema in schemas.items() if not schema.description]
    inputs = [(node_id, entry) for node_id, schema in schemas.items() for entry in schema.inputs]
    assert not [(node_id, entry.id) for node_id, entry in inputs if not entry.tooltip]
