"""Rows with a workflow: values find their places in the graph, and the real ComfyUI runs it."""

import io
import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from ddgi.batch import Unit, plan_jobs, read_jobs
from ddgi.batch.folders import Folders
from ddgi.runner.host import host_commands
from ddgi.runner.workflow_rows import WorkflowRows, graph_of

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = "01 Face from words and mask (DDGI).json"


@pytest.fixture(scope="module")
def commands(pack):
    return host_commands()


@pytest.fixture
def planned(commands, tmp_path):
    """From rows to their plan; the pack's workflows may be named without a folder."""
    def plan(*rows):
        path = tmp_path / "rows.jsonl"
        path.write_text("\n".join(json.dumps({"workflow": str(ROOT / "workflows" / WORKFLOW), **row}) for row in rows))
        lookup = commands.batch_lookup()
        return plan_jobs(read_jobs(path), Folders(path, [ROOT / "workflows"], lookup.examples), lookup)
    return plan


def node(graph, kind):
    found, = (node["inputs"] for node in graph.values() if node["class_type"] == kind)
    return found


def test_values_find_their_places(planned):
    row = {"prompt": "a sad man", "mask": "mask_hat", "seed": 9, "set": {"DDGIFeatureExtract.steps": 3}}
    job, = planned(row).jobs
    graph = graph_of(job)
    assert node(graph, "DDGIPrompt")["text"] == "a sad man"
    assert node(graph, "LoadImage") == {"image": f"{job.inputs['drawing']}.png"}
    sampler = node(graph, "DDGIFeatureExtract")
    assert sampler["seed"] == 9 and sampler["steps"] == 3 and node(graph, "DDGIRender")["seed"] == 9
    assert node(graph, "SaveImage")["filename_prefix"].startswith(job.key)


def test_what_a_row_does_not_say_stays(planned):
    job, = planned({}).jobs
    original = json.loads((ROOT / "workflows" / "api" / WORKFLOW).read_text())
    graph = graph_of(job)
    for kind in ("DDGIPrompt", "DDGIExampleDrawing", "DDGIFeatureExtract"):
        assert node(graph, kind) == node(original, kind)


@pytest.mark.parametrize("row, words", [
    ({"set": {"Nobody.seed": 1}}, "no input 'Nobody.seed'"), ({"camera": [20, 0]}, "0 DDGI Camera"),
    ({"edits": {"smile": 1}}, "edits faces itself"), ({"style": "x.safetensors"}, "loads its generator itself")])
def test_a_workflow_without_a_place_for_a_value_is_refused(planned, row, words):
    assert words in planned(row).problems["1"]


def test_a_file_that_is_no_workflow_is_refused(planned, tmp_path):
    (tmp_path / "no.json").write_text('{"a": 1}')
    problem = planned({"workflow": "no.json"}).problems["1"]
    assert "no ComfyUI workflow" in problem


def test_the_real_comfyui_runs_rows_and_goes_on_after_a_bad_one(planned, commands):
    row = {"prompt": "a smiling woman with red hair", "mask": "mask_bun", "seed": 4}
    few = {"DDGIFeatureExtract.steps": 2}
    jobs = planned({**row, "set": few}, {**row, "set": {**few, "DDGIRender.precision": "fp4"}},
                   {**row, "seed": 5, "set": few}, {**row, "workflow": "", "set": {"steps": 2}}).jobs
    with WorkflowRows(cpu=True, threads=1) as worker:
        outcomes = worker.render(Unit(0, jobs[:3]))
    first, bad, second = (outcomes[job.key] for job in jobs[:3])
    assert "DDGIRender" in bad and "fp4" in bad
    assert [ending[-4:] for ending, _ in first] == [".png"] and first[0][1] != second[0][1]
    # The chain of the pack samples several faces at once, which rounds otherwise: two grey levels of 255 at most.
    own = commands.batch_faces(2, verify=False).render(Unit(0, jobs[3:]))[jobs[3].key]
    assert (pixels(first[0][1]) - pixels(own[0][1])).abs().max() <= 2


def pixels(data: bytes) -> torch.Tensor:
    with Image.open(io.BytesIO(data)) as picture:
        return torch.frombuffer(bytearray(picture.convert("RGB").tobytes()), dtype=torch.uint8).int()
