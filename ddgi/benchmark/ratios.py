"""Two ways to the same result, timed in turn in one process, beside what the machine can do at most."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from ..errors import InputError
from ..stopwatch import MIB, PeakMemory, Stopwatch

BUSY = 0.05             # of the machine's computing time: more for others makes wall seconds worthless
REPEATS = 5


def compare(ours: Callable[[], object], plain: Callable[[], object], device: torch.device, *,
            repeats: int = REPEATS) -> dict:
    """Time both in turn, `repeats` times after a warm-up.

    Returns:
        "seconds", "cpu_seconds": of ours, medians; the latter computed by all threads of this process. "plain_seconds",
        "plain_cpu_seconds". "ratio", "cpu_ratio": how many times faster ours is. "gflop": arithmetic of ours, from
        the shapes of convolutions and matrix products. "ceiling_share": its speed over that of `ceilings`'
        convolution. "peak_mib", "plain_peak_mib": growth of memory, or None. "busy": the share of the machine's
        computing time that others took meanwhile, or None; above `BUSY` trust cpu_ratio alone.

    Raises:
        InputError: less than one repeat.
    """
    if repeats < 1:
        raise InputError(f"{repeats} repeats were asked for; at least 1 is needed.")
    peaks = [_peak(call, device) for call in (ours, plain)]            # also the warm-up
    with FlopCounterMode(display=False) as counter:
        ours()
    seconds, computed = ([], []), ([], [])
    others = OtherWork()
    wall, cpu = Stopwatch(device), Stopwatch(device, "cpu")
    for _ in range(repeats):
        for number, call in enumerate((ours, plain)):
            wall.timed(cpu.timed(call, computed[number]), seconds[number])()
    (wall_ours, wall_plain), (cpu_ours, cpu_plain) = (tuple(map(median, pair)) for pair in (seconds, computed))
    gflop = counter.get_total_flops() / 1e9
    return {"seconds": wall_ours, "cpu_seconds": cpu_ours, "plain_seconds": wall_plain, "plain_cpu_seconds": cpu_plain,
            "ratio": wall_plain / wall_ours, "cpu_ratio": cpu_plain / cpu_ours, "gflop": gflop,
            "ceiling_share": gflop / wall_ours / ceilings(device)["convolution_gflops"],
            "peak_mib": peaks[0], "plain_peak_mib": peaks[1], "busy": others.share(),
            "threads": torch.get_num_threads(), "device": str(device)}


def _peak(call: Callable[[], object], device: torch.device) -> float | None:
    call()
    memory = PeakMemory(device)
    memory.reset()
    call()
    return memory.read()


@functools.cache
def ceilings(device: torch.device) -> dict[str, float]:
    """What the machine does at most, fp32: "product_gflops", "convolution_gflops" and "copy_gib_per_second"."""
    square, picture = torch.randn(1024, 1024, device=device), torch.randn(1, 256, 128, 128, device=device)
    picture, kernel = picture.contiguous(memory_format=torch.channels_last), torch.randn(256, 256, 3, 3, device=device)
    numbers = torch.zeros(32 * MIB, dtype=torch.uint8, device=device)
    target = torch.empty_like(numbers)
    fastest = functools.partial(_fastest, Stopwatch(device))
    return {"product_gflops": 2 * 1024 ** 3 / 1e9 / fastest(lambda: square @ square),
            "convolution_gflops": 2 * 9 * 256 ** 2 * 128 ** 2 / 1e9
            / fastest(lambda: F.conv2d(picture, kernel, padding=1)),
            "copy_gib_per_second": numbers.numel() / 2 ** 30 / fastest(lambda: target.copy_(numbers))}


@torch.inference_mode()
def _fastest(stopwatch: Stopwatch, call: Callable[[], object], repeats: int = 7) -> float:
    seconds: list[float] = []
    for _ in range(repeats):
        stopwatch.timed(call, seconds)()
    return min(seconds)


class OtherWork:
    """What other processes compute on this machine from now on (Linux)."""

    def __init__(self):
        self._start = _processor_seconds()

    def share(self) -> float | None:
        """0..1 of all processors' time since the start, or None where it cannot be known."""
        end = _processor_seconds()
        if self._start is None or end is None:
            return None
        busy, total, own = (after - before for before, after in zip(self._start, end))
        return max(0.0, busy - own) / total if total > 0 else 0.0


def _processor_seconds() -> tuple[float, float, float] | None:
    """Clock ticks of all processors so far: busy ones, all, and this process's (proc(5))."""
    statistics = Path("/proc/stat")
    if not statistics.is_file():
        return None
    ticks = [int(number) for number in statistics.read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    times = os.times()
    own = (times.user + times.system) * os.sysconf("SC_CLK_TCK")
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks), own
