"""What views of a head cost with EG3D: planes, rays and super-resolution apart, and many views of one head."""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from statistics import median

import torch

from ..cameras import look_at_label
from ..errors import InputError
from ..gan import EG3DGenerator
from ..seeds import seeded
from ..stopwatch import Stopwatch

SINGLES = 3                                 # heads seen once, for medians
STAGES = ("planes", "rays", "superresolution")


class RenderTimes:
    """Seconds and memory of the stages of `EG3DGenerator.render`, seen by hooks on its networks.

    seconds: {stage: one number for each time it ran}. calls: how often. rays_peak: the most MiB that rendering rays
    took above what was there before; total_peak: the most that the whole call took; None where it cannot be measured.
    """

    def __init__(self, generator: EG3DGenerator, clock: str = "wall"):
        self.generator, self.stopwatch = generator, Stopwatch(generator.w_avg.device, clock)
        self.clear()

    def clear(self) -> None:
        """Forget what was seen and start the clock."""
        self.seconds: dict[str, list[float]] = {stage: [] for stage in STAGES}
        self.rays_peak = self.total_peak = None
        self.stopwatch.memory.reset()
        self.start_level = self.stopwatch.memory.base
        self._mark()

    @property
    def calls(self) -> dict[str, int]:
        return {stage: len(seconds) for stage, seconds in self.seconds.items()}

    @contextmanager
    def watching(self):
        """Hooks are in place inside the block."""
        module = self.generator.module
        planes, resolve = module.backbone.synthesis, module.superresolution
        hooks = [planes.register_forward_pre_hook(lambda *_: self._mark()),
                 planes.register_forward_hook(lambda *_: self._ends("planes")),
                 resolve.register_forward_pre_hook(lambda *_: self._ends("rays")),
                 resolve.register_forward_hook(lambda *_: self._ends("superresolution"))]
        try:
            yield self
        finally:
            for hook in hooks:
                hook.remove()

    def finish(self) -> None:
        """Read the memory once more, after the last stage."""
        self._read_peak()

    def _mark(self) -> None:
        self.since = self.stopwatch.now()

    def _ends(self, stage: str) -> None:
        self.seconds[stage].append(self.stopwatch.now() - self.since)
        grown = self._read_peak()
        if stage == "rays" and grown is not None:
            self.rays_peak = max(self.rays_peak or 0.0, grown)
        self.stopwatch.memory.reset()
        self._mark()

    def _read_peak(self) -> float | None:
        grown = self.stopwatch.memory.read()
        if grown is not None:
            self.total_peak = max(self.total_peak or 0.0, self.stopwatch.memory.base + grown - self.start_level)
        return grown


def view_costs(generator: EG3DGenerator, views: Sequence[int] = (1, 8), *,
               neural_rendering_resolution: int | None = None, memory_mib: float = 512, clock: str = "wall",
               report: Callable[[str], None] = lambda line: None) -> dict[str, dict]:
    """Time, by a clock of `stopwatch.CLOCKS`, and memory of single views, later views and many views of one head.

    Returns:
        {case: {"seconds", "ratio", "ceiling_share", "peak_mib", ...}}, cases "planes", "rays", "superresolution",
        "later_view", "1_view" and "<n>_views". ratio: the cost of a view over that of a head's first view; for a
        stage its share of that. ceiling_share: the most that ratio may be when planes are computed once. peak_mib:
        the growth of memory during the call, pictures included; rays_peak_mib: during ray rendering alone, which is
        what memory_mib bounds. Every case says the setting it was measured at.

    Raises:
        InputError: a view count is below 1.
    """
    if not views or min(views) < 1:
        raise InputError(f"The view counts are {list(views)}; give numbers of at least 1.")
    size = neural_rendering_resolution or generator.config.neural_rendering_resolution
    options = {"neural_rendering_resolution": size, "memory_mib": memory_mib}
    setting = {**options, "img_resolution": generator.config.img_resolution, "threads": torch.get_num_threads(),
               "device": str(generator.w_avg.device), "clock": clock}
    times = RenderTimes(generator, clock)
    time_views(times, 1, 0, options)                                  # warm-up
    report(f"one view of a head, {SINGLES} times")
    firsts = [time_views(times, 1, head, options) for head in range(SINGLES)]
    first = median(run["seconds"] for run in firsts)
    stage = {name: median(run["stages"][name][0] for run in firsts) for name in STAGES}
    share = (stage["rays"] + stage["superresolution"]) / sum(stage.values())
    peaks = {"rays": firsts[-1]["rays_peak_mib"]}
    cases = {name: _case(stage[name], stage[name] / first, None, peaks.get(name)) for name in STAGES}
    later: list[float] = []
    for count in views:
        report(f"{count} view{'s' if count > 1 else ''} of one head")
        run = time_views(times, count, SINGLES, options)
        later += run["later"]
        ceiling = (1 - share + count * share) / count
        case = _case(run["seconds"], run["seconds"] / count / first, ceiling, run["peak_mib"])
        case |= {"rays_peak_mib": run["rays_peak_mib"], "planes_computed": run["calls"]["planes"],
                 "cpu_seconds": run["cpu_seconds"]}
        cases[f"{count}_views" if count > 1 else "1_view"] = case
    if later:
        cases["later_view"] = _case(median(later), median(later) / first, share, None)
    return {name: case | setting for name, case in cases.items()}


def _case(seconds: float, ratio: float, ceiling_share: float | None, peak_mib: float | None) -> dict:
    return {"seconds": seconds, "ratio": ratio, "ceiling_share": ceiling_share, "peak_mib": peak_mib}


def time_views(times: RenderTimes, count: int, head: int, options: dict) -> dict:
    """Render `count` views around a new head.

    Returns:
        "seconds" and "cpu_seconds" in all, "stages" {name: [seconds]}, "calls" {name: number}, "later" [seconds of the
        second view and on], "peak_mib", "rays_peak_mib".
    """
    generator, now = times.generator, times.stopwatch.now
    device, config = generator.w_avg.device, generator.config
    ws = torch.randn(1, config.num_ws, config.w_dim, generator=seeded(head)).to(device)
    yaw = torch.linspace(-0.6, 0.6, count) if count > 1 else torch.zeros(1)
    cameras, ends = look_at_label(yaw, torch.zeros_like(yaw)).to(device), []

    def tick(done: int, total: int) -> None:
        ends.append(now())

    computed: list[float] = []
    render = Stopwatch(device, "cpu").timed(generator.render, computed)
    with times.watching():
        times.clear()
        start = now()
        out = render(ws, cameras, progress=tick, **options)
        seconds = now() - start
        times.finish()
    del out
    return {"seconds": seconds, "cpu_seconds": computed[0], "stages": times.seconds, "calls": times.calls,
            "peak_mib": times.total_peak, "rays_peak_mib": times.rays_peak,
            "later": [b - a for a, b in zip(ends, ends[1:])]}
