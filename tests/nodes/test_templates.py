"""Templates as files: pages name those that exist, and SD 1.5 templates say where their models are."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "workflows").glob("*.json"))
NAME = re.compile(r"[`*](\d\d [A-Z][^`*\n]+)[`*]")


def notes(graph):
    return "\n".join(node["widgets_values"][0] for node in graph["nodes"] if node["type"] == "MarkdownNote")


def test_pages_and_notes_name_templates_that_exist():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "web" / "docs").rglob("*.md")]
    texts = {page: page.read_text(encoding="utf-8") for page in pages}
    texts |= {path: notes(json.loads(path.read_text(encoding="utf-8"))) for path in TEMPLATES}
    named = {name for text in texts.values() for name in NAME.findall(text)}
    assert named and named <= {path.stem.removesuffix(" (DDGI)") for path in TEMPLATES}


def test_templates_that_run_at_once_come_first():
    assert TEMPLATES[0].stem.startswith("00 ") and ["SD 1.5" in path.stem for path in TEMPLATES] == sorted(
        "SD 1.5" in path.stem for path in TEMPLATES)


@pytest.mark.parametrize("path", [path for path in TEMPLATES if "SD 1.5" in path.stem], ids=lambda path: path.stem)
def test_models_that_can_be_downloaded_are_named_with_address_and_folder(path):
    """The front end offers them where address and ending are of a kind that it trusts."""
    graph = json.loads(path.read_text(encoding="utf-8"))
    offered = [(node, model) for node in graph["nodes"] for model in node["properties"].get("models", ())]
    assert {model["directory"] for _, model in offered} == {"checkpoints", "controlnet"}
    for node, model in offered:
        assert node["widgets_values"] == [model["name"]] and model["name"].endswith(".safetensors")
        assert model["url"].startswith("https://huggingface.co/") and model["url"].endswith("/" + model["name"])
    assert "Train the bridge first" in notes(graph) and "10 Train a bridge" in notes(graph)
