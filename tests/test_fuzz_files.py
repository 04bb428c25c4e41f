"""A seeded sample of the mutated files of `fuzz_files.py`."""

import os

from . import fuzz_files

COUNT = int(os.environ.get("DDGI_FUZZ", 150))


def test_damaged_and_hostile_files_are_a_sentence_each(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)         # a call that runs would leave its mark here
    result, faults = fuzz_files.run(COUNT, 0, tmp_path / "files")
    assert not faults
    assert result["read"] + result["refused"] == COUNT and result["refused"] > COUNT / 2
