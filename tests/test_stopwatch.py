"""Seconds and memory are seen; never how long things take."""

import sys

import pytest
import torch

from ddgi.stopwatch import MIB, PeakMemory, Stopwatch, in_words

CPU = torch.device("cpu")


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_peak_memory_sees_what_came_and_went():
    memory = PeakMemory(torch.device("cpu"))
    memory.reset()
    torch.ones(64 * MIB // 4)
    assert 60 < memory.read() < 80                                      # 64 MiB, whole pages, and noise
    memory.reset()
    assert memory.read() < 8


def test_a_phase_and_a_timed_function_say_their_seconds():
    stopwatch, seconds = Stopwatch(CPU, "cpu"), []
    with stopwatch.phase() as found:
        assert stopwatch.timed(lambda x: x.sum().item(), seconds)(torch.ones(1000)) == 1000
        assert "seconds" not in found
    assert len(seconds) == 1 and 0 <= seconds[0] <= found["seconds"]


@pytest.mark.parametrize(("seconds", "words"), [
    (0, "less than a minute"), (59, "less than a minute"), (60, "about 1 minute"), (100, "about 2 minutes"),
    (89 * 60, "about 89 minutes"), (90 * 60, "about 2 hours"), (35 * 3600, "about 35 hours"),
    (36 * 3600, "about 2 days")])
def test_lengths_of_time_in_words(seconds, words):
    assert in_words(seconds) == words
