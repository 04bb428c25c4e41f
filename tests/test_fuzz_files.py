"""A seeded sample of the mutated files of `fuzz_files.py`."""

from . import fuzz_files


def test_damaged_and_hostile_files_are_a_sentence_each(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)         # a call that runs would leave its mark here
    result, faults = fuzz_files.run(150, 0, tmp_path / "files")
    assert not faults
    assert result["read"] + result["refused"] == 150 and result["refused"] > 75
