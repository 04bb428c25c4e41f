"""The real ComfyUI server with the pack in it."""

import json
from pathlib import Path

import pytest

from ddgi.errors import InputError
from ddgi.runner.prompts import load_workflow, run_prompt
from ddgi.runner.server import Server

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted(path.stem for path in (ROOT / "workflows").glob("*.json"))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("output"), cpu=True) as running:
        yield running


@pytest.fixture(scope="module")
def object_info(server):
    return server.get("/object_info")


def mask_graph(**inputs):
    return {"1": {"class_type": "DDGIExampleDrawing", "inputs": {"drawing": "mask_bun.png"}},
            "2": {"class_type": "DDGIFaceMask", "inputs": {"image": ["1", 0], "reading": "auto", "size": 64,
                                                           "palette": "CelebAMask-HQ", **inputs}},
            "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "mask"}}}


def test_a_prompt_runs_and_its_files_are_named(server):
    seen = []
    result = run_prompt(server, mask_graph(), lambda node, done, total: seen.append(node))
    assert [path.name for path in result.files] == ["mask_00001_.png"] and result.files[0].is_file()
    assert result.seconds > 0 and "DDGIFaceMask" in seen


def test_a_wrong_value_is_refused_with_the_node(server):
    with pytest.raises(InputError, match="DDGIFaceMask .number 2.*reading"):
        run_prompt(server, mask_graph(reading="upside down"))


def test_a_failing_node_gives_its_own_sentence(server):
    graph = mask_graph(reading="class numbers")
    with pytest.raises(InputError, match="DDGIFaceMask .number 2. failed: .*class colours"):
        run_prompt(server, graph)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflow_export_holds_the_same_nodes_and_values(object_info, name):
    """Every node exists, every value is allowed, and the API export belongs to the present front-end file."""
    source = json.loads((ROOT / "workflows" / f"{name}.json").read_text(encoding="utf-8"))
    api = load_workflow(ROOT / "workflows" / f"{name}.json")
    expected = {str(node["id"]): node for node in source["nodes"] if node["type"] not in ("MarkdownNote", "Note")}
    assert {key: node["class_type"] for key, node in api.items()} == {k: n["type"] for k, n in expected.items()}
    for key, node in api.items():
        schema = object_info[node["class_type"]]["input"]
        known = {**schema.get("required", {}), **schema.get("optional", {})}
        assert set(schema.get("required", {})) <= set(node["inputs"]) <= set(known)
        values = [value for value in node["inputs"].values() if not isinstance(value, list)]
        assert all(value in expected[key]["widgets_values"] for value in values)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflow_has_a_picture(name):
    assert (ROOT / "workflows" / f"{name}.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_workflows_are_offered_as_templates(server):
    templates = server.get("/workflow_templates")
    assert set(WORKFLOWS) <= set(templates["DDGI"])


@pytest.mark.skipif(not (ROOT / "demo" / "bridge_stylegan2.safetensors").is_file(),
                    reason="the demo models are not trained yet (make train-demo)")
@pytest.mark.parametrize("name", [name for name in WORKFLOWS if not name.endswith("_sd15")])
def test_demo_workflow_renders_faces(server, name):
    from PIL import Image

    result = run_prompt(server, load_workflow(ROOT / "workflows" / f"{name}.json"))
    assert result.files
    for path in result.files:
        low, high = Image.open(path).convert("L").getextrema()
        assert high - low > 50  # a picture, not a flat colour


def test_sd15_workflow_names_the_missing_files(server):
    with pytest.raises(InputError, match="v1-5-pruned-emaonly") as error:
        run_prompt(server, load_workflow(ROOT / "workflows" / "face_from_text_and_mask_sd15.json"))
    assert "models/ddgi/generators" in str(error.value).replace("\\", "/")
