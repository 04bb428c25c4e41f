"""The real ComfyUI server with the pack in it."""

import json
import uuid
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from ddgi.errors import InputError
from ddgi.runner.prompts import load_workflow, run_prompt, set_input
from ddgi.runner.server import Server

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted(path.stem for path in (ROOT / "workflows").glob("*.json"))
VIEWERS = ("Preview3D", "SaveGLB")  # the front end adds a widget `image` to them; ComfyUI ignores its value


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
        known |= {"image": None} if node["class_type"] in VIEWERS else {}
        assert set(schema.get("required", {})) <= set(node["inputs"])
        # Older ComfyUIs ignore inputs that a node of theirs does not have yet.
        assert not node["class_type"].startswith("DDGI") or set(node["inputs"]) <= {*known, *nested(known)}
        values = [value for value in node["inputs"].values() if not isinstance(value, list)]
        assert all(value in expected[key]["widgets_values"] for value in values)


def nested(schema):
    """Inputs that come with a choice of a dynamic drop-down, "<drop-down>.<input>"."""
    return {f"{name}.{key}" for name, entry in schema.items() if entry and entry[0] == "COMFY_DYNAMICCOMBO_V3"
            for option in entry[1]["options"] for inputs in option["inputs"].values() for key in inputs}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflow_has_a_picture_of_its_result(name):
    card = Image.open(ROOT / "workflows" / f"{name}.jpg")
    assert card.format == "JPEG"
    assert card.width == 512 or "SD 1.5" in name        # as wide as a result; pictures of graphs are wider


def test_workflows_are_offered_as_templates(server):
    templates = server.get("/workflow_templates")
    assert set(WORKFLOWS) <= set(templates["DDGI"])


@pytest.mark.parametrize("name", [name for name in WORKFLOWS if "SD 1.5" not in name])
def test_demo_workflow_makes_its_files(server, name, request):
    kind = "eg3d" if "Head" in name else "stylegan2"
    if not (ROOT / "demo" / f"bridge_{kind}.safetensors").is_file():
        pytest.skip("these demo models are not trained yet (make train-demo)")
    graph = load_workflow(ROOT / "workflows" / f"{name}.json")
    if "Train" in name:
        shorten(graph, server, request)
    if "15 Style" in name:
        for key, value in {"style.search_steps": 2, "steps": 8}.items():
            set_input(graph, f"DDGIStyliseGenerator.{key}", value)
    result = run_prompt(server, graph)
    assert result.files
    for path in result.files:
        {".png": check_picture, ".mp4": check_orbit, ".glb": check_model}[path.suffix](path)


def shorten(graph, server, request):
    """Few steps and faces, and a bridge file of the test's own, which is removed again."""
    values = {"steps_m": 2, "steps_t": 2, "own_pictures": 2, "held_out": 2, "data.samples": 16,
              "name": f"test-{uuid.uuid4().hex}"}
    for key, value in values.items():
        set_input(graph, f"DDGITrainBridge.{key}", value)
    bridge = server.host / "models" / "ddgi" / "bridges" / f"{values['name']}.safetensors"
    request.addfinalizer(bridge.unlink)


def check_picture(path):
    low, high = Image.open(path).convert("L").getextrema()
    assert high - low > 50  # a picture, not a flat colour


def check_orbit(path):
    with av.open(str(path)) as video:
        frames = [frame.to_ndarray(format="gray").astype(float) for frame in video.decode(video=0)]
    assert len(frames) == 48 and np.ptp(frames[0]) > 50
    assert abs(frames[0] - frames[24]).mean() > 1  # the other side of the circle


def check_model(path):
    data = path.read_bytes()
    gltf = json.loads(data[20:20 + int.from_bytes(data[12:16], "little")])
    attributes = gltf["meshes"][0]["primitives"][0]["attributes"]
    assert gltf["accessors"][attributes["POSITION"]]["count"] > 1000 and "COLOR_0" in attributes


@pytest.mark.parametrize("name", [name for name in WORKFLOWS if "SD 1.5" in name])
def test_sd15_workflow_names_the_missing_files(server, name):
    with pytest.raises(InputError, match="v1-5-pruned-emaonly") as error:
        run_prompt(server, load_workflow(ROOT / "workflows" / f"{name}.json"))
    assert "models/ddgi/generators" in str(error.value).replace("\\", "/")
