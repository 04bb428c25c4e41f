"""The benchmark of ComfyUI's start: it counts the pack's own modules; never how long they take."""

from pathlib import Path

import pytest

from ddgi.benchmark.boot import boot_costs
from ddgi.errors import InputError
from ddgi.runner.host import find_host

ROOT = Path(__file__).resolve().parents[2]


def test_a_start_counts_the_modules_that_come_with_the_pack():
    lines = []
    found = boot_costs(find_host(), [ROOT], 1, lines.append)[str(ROOT)]
    assert len(lines) == 1 and "ratio" not in found and found["seconds"] > 0
    assert 40 < found["modules"] < 150
    assert all(name.split(".")[0] in ("ddgi", "host", "nodes") for name in found["heaviest"])


def test_a_start_less_than_one_is_refused():
    with pytest.raises(InputError, match="0 repeats"):
        boot_costs(find_host(), [ROOT], 0)
