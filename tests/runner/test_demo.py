"""What `demo` queues, without a server."""

import pytest

from ddgi.commands.demo import _examples, _graph, _jobs, _missing_3d
from ddgi.demo import files


@pytest.fixture(scope="module")
def jobs():
    return _jobs(_examples()[0])


def test_every_example_then_an_orbit_and_a_model(jobs):
    examples, _ = _examples()
    assert [job[1] for job in jobs[:-2]] == examples and {job[0] for job in jobs[:-2]} == {"pictures"}
    assert [job[2] for job in jobs[-2:]] == ["03 Head as an orbit video (DDGI)", "04 Head as a 3D model (DDGI)"]


def test_every_job_has_the_inputs_that_demo_sets(jobs):
    _, folder = _examples()
    for _, example, workflow, name, prefix in jobs:
        graph = _graph(folder / "workflows" / f"{workflow}.json", {
            "DDGIExampleDrawing.drawing": example["drawing"], "DDGIPrompt.text": "words", "DDGIFeatureExtract.seed": 7,
            "EmptyLatentImage.width": 64, "EmptyLatentImage.height": 64, name: prefix})
        assert [node["inputs"]["text"] for node in graph.values() if node["class_type"] == "DDGIPrompt"] == ["words"]
        assert prefix in [node["inputs"].get("filename_prefix") for node in graph.values()]
        assert "Preview3D" not in [node["class_type"] for node in graph.values()]


def test_missing_3d_files_are_one_sentence(tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / files.EG3D).touch()
    sentence = _missing_3d(tmp_path)
    assert files.BRIDGE_3D in sentence and files.EG3D not in sentence
    (tmp_path / "demo" / files.BRIDGE_3D).touch()
    assert _missing_3d(tmp_path) == ""
