"""Two ways to the same result, timed in turn in one process, beside what the machine can do at most."""

import functools
import os
from collections.abc import Callable, Sequence
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
        What `measure` says of ours, "plain_seconds", "plain_cpu_seconds" and "plain_peak_mib" of the other, and
        "ratio" and "cpu_ratio", how many times faster ours is. On a busy machine trust cpu_ratio alone.

    Raises:
        InputError: less than one repeat.
    """
    case, other = _in_turn((ours, plain), device, repeats)
    return case | {"plain_seconds": other["seconds"], "plain_cpu_seconds": other["cpu_seconds"],
                   "plain_peak_mib": other["peak_mib"], "ratio": other["seconds"] / case["seconds"],
                   "cpu_ratio": other["cpu_seconds"] / case["cpu_seconds"]}


def measure(call: Callable[[], object], device: torch.device, *, repeats: int = REPEATS) -> dict:
    """Time it `repeats` times after a warm-up.

    Returns:
        "seconds", "cpu_seconds": medians; the latter computed by all threads of this process. "gflop": arithmetic,
        from the shapes of convolutions and matrix products. "ceiling_share": its speed over that of `ceilings`'
        convolution. "peak_mib": growth of memory, or None. "busy": the share of the machine's computing time that
        others took meanwhile, or None; above `BUSY` distrust seconds.

    Raises:
        InputError: less than one repeat.
    """
    return _in_turn((call,), device, repeats)[0]


def _in_turn(calls: Sequence[Callable[[], object]], device: torch.device, repeats: int) -> list[dict]:
    if repeats < 1:
        raise InputError(f"{repeats} repeats were asked for; at least 1 is needed.")
    warm = [_warm_up(call, device) for call in calls]
    seconds, computed = ([[] for _ in calls] for _ in range(2))
    others, wall, cpu = OtherWork(), Stopwatch(device), Stopwatch(device, "cpu")
    for _ in range(repeats):
        for number, call in enumerate(calls):
            wall.timed(cpu.timed(call, computed[number]), seconds[number])()
    shared = {"busy": others.share(), "threads": torch.get_num_threads(), "device": str(device)}
    speed = ceilings(device)["convolution_gflops"]
    return [{"seconds": median(waited), "cpu_seconds": median(worked), "gflop": gflop,
             "ceiling_share": gflop / median(waited) / speed, "peak_mib": peak} | shared
            for waited, worked, (gflop, peak) in zip(seconds, computed, warm)]


def _warm_up(call: Callable[[], object], device: torch.device) -> tuple[float, float | None]:
    """1e9 operations of a first call, and the growth of memory in it in MiB."""
    memory = PeakMemory(device)
    memory.reset()
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops() / 1e9, memory.read()


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


def warning(busy: float | None) -> str | None:
    """A sentence where others took so much of the machine's computing time that seconds say little."""
    if busy is None or busy <= BUSY:
        return None
    return (f"Other programs took {busy:.0%} of this machine's computing time meanwhile: don't trust seconds and "
            f"ratios of them, only computing seconds (cpu_...), or run it again when the machine is idle.")


def _processor_seconds() -> tuple[float, float, float] | None:
    """Clock ticks of all processors so far: busy ones, all, and this process's with its children's (proc(5))."""
    statistics = Path("/proc/stat")
    if not statistics.is_file():
        return None
    ticks = [int(number) for number in statistics.read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    times = os.times()
    own = sum(times[:4]) * os.sysconf("SC_CLK_TCK")         # user and system, with children that have ended
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks), own
