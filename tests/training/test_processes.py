"""Two processes on the CPU train what one with the doubled batch trains."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ddgi.errors import InputError
from ddgi.training.processes import find_processes

HERE = Path(__file__).parent
sys.path.append(str(HERE))
import toy_process  # noqa: E402
import trainer_toys as toys  # noqa: E402


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folder that two processes with batches of 2 trained in."""
    pytest.importorskip("accelerate", reason="training in several processes needs Accelerate")
    folder = tmp_path_factory.mktemp("two")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run([*launch, str(HERE / "toy_process.py"), str(folder)], capture_output=True, text=True,
                          timeout=900, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


def curve(folder, stage):
    """[(step, {name: value})] of the losses and the held-out scores."""
    lines = [json.loads(line) for line in (folder / f"{stage}.jsonl").read_text().splitlines()]
    return [(line["step"], line.get("held_out") or {k: v for k, v in line.items() if k not in ("step", "seconds")})
            for line in lines]


@pytest.mark.parametrize(("run", "cache"), [("whole", "none"), ("parts", "disk")])
def test_two_processes_have_the_loss_curve_of_one_with_the_doubled_batch(tmp_path, two, run, cache):
    toys.trainer(tmp_path, toy_process.settings(4, cache)).run()
    for stage, points in (("mapping", 6), ("modulation", 3)):
        one, both = curve(tmp_path, stage), curve(two / run, stage)
        assert [step for step, _ in one] == [step for step, _ in both]
        assert len(one) == points  # every second step, and the scores
        for (_, expected), (_, found) in zip(one, both):
            # Sums in another order, which Adam's division by small moments makes larger; curves have five decimals.
            assert found == pytest.approx(expected, rel=1e-5, abs=1.1e-5)


def test_both_processes_end_with_the_same_weights(two):
    first, second = (torch.load(two / f"whole-{rank}.pt", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(value, second[key]) for key, value in first.items())


def test_what_stops_one_process_stops_both_at_the_same_step(two):
    """That they go on to the same curve is tested above."""
    assert (two / "stopped-1.txt").read_text().startswith("KeyboardInterrupt")
    assert "Another process of this training stopped" in (two / "stopped-0.txt").read_text()


def test_no_thread_of_the_process_group_is_left_that_could_abort_a_process_as_it_ends(two):
    for rank in (0, 1):
        assert "gloo" not in (two / f"threads-{rank}.txt").read_text()


def test_several_processes_without_accelerate_is_one_sentence(monkeypatch):
    assert find_processes().count == 1
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(InputError, match="2 processes were started .* run: pip install accelerate"):
        find_processes()
