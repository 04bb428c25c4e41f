"""Workflow files and their errors, without a server."""

import json

import pytest

from ddgi.errors import InputError
from ddgi.runner.prompts import _refusal, load_workflow, set_input

GRAPH = {"1": {"class_type": "KSampler", "inputs": {"seed": 1, "steps": 4}, "_meta": {"title": "Sampler"}},
         "2": {"class_type": "KSampler", "inputs": {"seed": 2}}}


def test_an_api_workflow_is_read(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(GRAPH))
    assert load_workflow(tmp_path / "a.json") == GRAPH


def test_a_front_end_workflow_stands_for_its_export(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"nodes": [], "links": []}))
    with pytest.raises(InputError, match="Export"):
        load_workflow(tmp_path / "a.json")
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "a.json").write_text(json.dumps(GRAPH))
    assert load_workflow(tmp_path / "a.json") == GRAPH


@pytest.mark.parametrize(("text", "words"), [("{", "not JSON"), ("[1]", "no ComfyUI workflow"),
                                             ('{"a": 1}', "no ComfyUI workflow")])
def test_what_is_no_workflow_is_refused(tmp_path, text, words):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=words):
        load_workflow(tmp_path / "a.json")


@pytest.mark.parametrize(("name", "seeds"), [("1.seed", [9, 2]), ("KSampler.seed", [9, 9]), ("Sampler.seed", [9, 2])])
def test_inputs_are_set_by_number_class_or_title(name, seeds):
    graph = json.loads(json.dumps(GRAPH))
    set_input(graph, name, 9)
    assert [graph[key]["inputs"]["seed"] for key in ("1", "2")] == seeds


def test_an_input_of_a_choice_has_a_dot_in_its_name():
    graph = {"1": {"class_type": "Train", "inputs": {"data": "own samples", "data.samples": 2000}}}
    set_input(graph, "Train.data.samples", 16)
    assert graph["1"]["inputs"] == {"data": "own samples", "data.samples": 16}


def test_an_unknown_input_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="KSampler.steps"):
        set_input(json.loads(json.dumps(GRAPH)), "KSampler.stepz", 9)


def test_a_refusal_names_the_node():
    answer = {"error": {"message": "Prompt outputs failed validation"}, "node_errors": {
        "7": {"class_type": "DDGILoadGenerator", "errors": [{"message": "Value not in list", "details": "x.pkl"}]}}}
    assert "DDGILoadGenerator (number 7): Value not in list: x.pkl" in _refusal(answer)
    assert "no outputs" in _refusal({"error": {"message": "Prompt has no outputs", "details": ""}})
