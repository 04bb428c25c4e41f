"""DDGI Batch Jobs: rows of a file as lists for other nodes."""

import importlib
import json

import pytest

from ddgi.errors import InputError


@pytest.fixture
def node(pack, tmp_path, monkeypatch):
    import folder_paths

    monkeypatch.setattr(folder_paths, "input_directory", str(tmp_path))
    return importlib.import_module(f"{pack.__name__}.nodes.batch").BatchJobs


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in [
        {"prompt": "a {red|red} hat", "mask": "mask_hat", "seed": 3}, {"prompt": "a man", "style": "clay"},
        {"promt": "x"}, {"prompt": "a woman", "grid": {"seed": [5, 6]}}]))
    return path.name


def test_rows_come_with_words_drawing_seed_and_a_name(node, rows):
    prompts, drawings, seeds, names = node.execute(rows, 0, 2).args
    assert prompts == ["a red hat", "a clay figure of a man"] and seeds == [3, 0]
    assert drawings[0].shape[-1] == 3 and drawings[0].ndim == 4
    assert type(drawings[1]).__name__ == "ExecutionBlocker" and "no drawing" in drawings[1].message
    assert len(set(names)) == 2 and names[0].startswith("a-red-hat-")


def test_a_grid_is_many_rows_and_bad_ones_are_left_out_of_several(node, rows):
    assert node.execute(rows, 1, 9).args[2] == [0, 5, 6]
    with pytest.raises(InputError, match="Row 3: There is no key 'promt'"):
        node.execute(rows, 2, 1)
    with pytest.raises(InputError, match="has 5, numbered from 0"):
        node.execute(rows, 5, 1)


def test_files_are_listed_and_others_refused(node, rows, tmp_path):
    options = node.GET_SCHEMA().inputs[0]
    assert options.id == "jobs"
    files = importlib.import_module(node.__module__.replace(".nodes.batch", ".host.batch_files"))
    assert files.names() == [rows, "recipes/faces.jsonl", "recipes/styles.jsonl"]
    assert node.validate_inputs(rows) is True and node.validate_inputs("recipes/styles.jsonl") is True
    for name in ("../rows.jsonl", "nowhere.csv", "recipes/../README.md"):
        assert "no file of rows" in node.validate_inputs(name)
