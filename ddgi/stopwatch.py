"""Seconds and memory of work on a device: what benchmarks and the report before a training measure with."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import torch

from .memory import give_back_freed_memory

MIB = 2 ** 20
# "wall" is what a user waits; "cpu" is what this process computed, for a CPU that is busy with other work too.
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def in_words(seconds: float) -> str:
    """A length of time for people: "less than a minute", "about 2 minutes", "about 3 hours", "about 2 days"."""
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= (1.5 if length > 60 else 1) * length:
            number = round(seconds / length)
            return f"about {number} {unit}{'s' if number > 1 else ''}"
    return "less than a minute"


class Stopwatch:
    """Seconds by a clock of `CLOCKS`, and the highest memory (see `PeakMemory`)."""

    def __init__(self, device: torch.device, clock: str = "wall"):
        self.device, self.memory, self.clock = device, PeakMemory(device), CLOCKS[clock]

    def now(self) -> float:
        """Seconds, when the device has done what it was told."""
        if self.device.type != "cpu":
            torch.get_device_module(self.device).synchronize()
        return self.clock()

    @contextmanager
    def phase(self) -> Iterator[dict]:
        """The dict gets "seconds" and "peak_mib", all that is held, when the block ends."""
        found: dict = {}
        self.memory.reset()
        start = self.now()
        yield found
        found["seconds"] = self.now() - start
        grown = self.memory.read()
        found["peak_mib"] = None if grown is None else self.memory.base + grown

    def timed(self, function: Callable, seconds: list[float]) -> Callable:
        """The function, adding the seconds of each of its calls to the list."""
        def wrapper(*args, **named):
            start = self.now()
            result = function(*args, **named)
            seconds.append(self.now() - start)
            return result
        return wrapper

    @contextmanager
    def watching(self, parts: Mapping[str, tuple[object, str]]) -> Iterator[dict[str, list[float]]]:
        """Seconds of every call of functions or methods, given as (owner, attribute), while the block runs."""
        seconds: dict[str, list[float]] = {name: [] for name in parts}
        with ExitStack() as stack:
            for name, (owner, attribute) in parts.items():
                timed = self.timed(getattr(owner, attribute), seconds[name])
                stack.enter_context(patch.object(owner, attribute, timed))
            yield seconds


class PeakMemory:
    """Growth of memory above its level at the last `reset`, in MiB.

    On CUDA it is what torch allocated. On the CPU it is resident memory as the kernel counts it (VmHWM), which sees
    everything, also what libraries take without torch; freed memory that the C library keeps is given back at the
    reset, so that taking it again counts. `read` gives None where neither can be had.
    """

    def __init__(self, device: torch.device):
        self.device = device
        self.base = 0.0

    def reset(self) -> None:
        """Start again from the present level."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            self.base = torch.cuda.memory_allocated(self.device) / MIB
        elif self._by_kernel:
            give_back_freed_memory()
            Path("/proc/self/clear_refs").write_text("5")       # sets VmHWM to the present VmRSS (proc(5))
            self.base = _status("VmHWM")

    def read(self) -> float | None:
        """MiB above the level at the last reset."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) / MIB - self.base
        return _status("VmHWM") - self.base if self._by_kernel else None

    @property
    def _by_kernel(self) -> bool:
        return self.device.type == "cpu" and sys.platform == "linux"


def _status(name: str) -> float:
    """A line of /proc/self/status, kB to MiB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))
