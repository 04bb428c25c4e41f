"""What views of a head cost with EG3D: planes, rays and super-resolution apart, and many views of one head.

Random weights serve: time and memory do not depend on them.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from statistics import median

import torch

from ..cameras import look_at_label
from ..errors import InputError
from ..gan import EG3D, EG3DConfig, EG3DGenerator, StyleGAN2Config
from .peak import PeakMemory

CONFIGS = {
    # The sizes of NVIDIA's FFHQ-512 file, 30.7 M parameters.
    "ffhq": EG3DConfig(StyleGAN2Config(c_dim=25, img_resolution=256, img_channels=96, num_mapping_layers=2)),
    "small": EG3DConfig(
        StyleGAN2Config(z_dim=64, c_dim=25, w_dim=128, img_resolution=64, img_channels=48, channel_base=2048,
                        channel_max=128, num_mapping_layers=2),
        img_resolution=64, neural_rendering_resolution=32, feature_channels=16, decoder_width=32, sr_kind="2X",
        sr_input_resolution=32, sr_channels=(64, 32)),
}
# "wall" is what a user waits; "cpu" is what this process computed, for a CPU that is busy with other work too.
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
SINGLES = 3                                 # heads seen once, for medians
STAGES = ("planes", "rays", "superresolution")


def random_generator(config: EG3DConfig, device: torch.device) -> EG3DGenerator:
    """An untrained generator, the same at every call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = EG3D(config)
    return EG3DGenerator(config, module.eval().requires_grad_(False).to(device), name="random weights")


class Watch:
    """Seconds and memory of the stages of `EG3DGenerator.render`, seen by hooks on its networks.

    seconds: {stage: one number for each time it ran}. calls: how often. rays_peak: the most MiB that rendering rays
    took above what was there before; total_peak: the most that the whole call took; None where it cannot be measured.
    """

    def __init__(self, generator: EG3DGenerator, clock: str = "wall"):
        self.generator, self.memory = generator, PeakMemory(generator.w_avg.device)
        self.now = CLOCKS[clock]
        self.clear()

    def clear(self) -> None:
        """Forget what was seen and start the clock."""
        self.seconds: dict[str, list[float]] = {stage: [] for stage in STAGES}
        self.rays_peak = self.total_peak = None
        self.memory.reset()
        self.start_level = self.memory.base
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
        _wait(self.generator.w_avg.device)
        self.since = self.now()

    def _ends(self, stage: str) -> None:
        _wait(self.generator.w_avg.device)
        self.seconds[stage].append(self.now() - self.since)
        grown = self._read_peak()
        if stage == "rays" and grown is not None:
            self.rays_peak = max(self.rays_peak or 0.0, grown)
        self.memory.reset()
        self._mark()

    def _read_peak(self) -> float | None:
        grown = self.memory.read()
        if grown is not None:
            self.total_peak = max(self.total_peak or 0.0, self.memory.base + grown - self.start_level)
        return grown


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.get_device_module(device).synchronize()


def measure(generator: EG3DGenerator, views: Sequence[int] = (1, 8), *, neural_rendering_resolution: int | None = None,
            memory_mib: float = 512, clock: str = "wall",
            report: Callable[[str], None] = lambda line: None) -> dict[str, dict]:
    """Time (by a clock of `CLOCKS`) and memory of single views, of later views, and of many views of one head.

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
    watch = Watch(generator, clock)
    render_views(watch, 1, 0, options)                                  # warm-up
    report(f"one view of a head, {SINGLES} times")
    firsts = [render_views(watch, 1, head, options) for head in range(SINGLES)]
    first = median(run["seconds"] for run in firsts)
    stage = {name: median(run["stages"][name][0] for run in firsts) for name in STAGES}
    share = (stage["rays"] + stage["superresolution"]) / sum(stage.values())
    peaks = {"rays": firsts[-1]["rays_peak_mib"]}
    cases = {name: _case(stage[name], stage[name] / first, None, peaks.get(name)) for name in STAGES}
    later: list[float] = []
    for count in views:
        report(f"{count} view{'s' if count > 1 else ''} of one head")
        run = render_views(watch, count, SINGLES, options)
        later += run["later"]
        ceiling = (1 - share + count * share) / count
        case = _case(run["seconds"], run["seconds"] / count / first, ceiling, run["peak_mib"])
        case |= {"rays_peak_mib": run["rays_peak_mib"], "planes_computed": run["calls"]["planes"]}
        cases[f"{count}_views" if count > 1 else "1_view"] = case
    if later:
        cases["later_view"] = _case(median(later), median(later) / first, share, None)
    return {name: case | setting for name, case in cases.items()}


def _case(seconds: float, ratio: float, ceiling_share: float | None, peak_mib: float | None) -> dict:
    return {"seconds": seconds, "ratio": ratio, "ceiling_share": ceiling_share, "peak_mib": peak_mib}


def render_views(watch: Watch, count: int, head: int, options: dict) -> dict:
    """Render `count` views around a new head.

    Returns:
        "seconds" in all, "stages" {name: [seconds]}, "calls" {name: number}, "later" [seconds of the second view and
        on], "peak_mib", "rays_peak_mib".
    """
    generator = watch.generator
    device, config = generator.w_avg.device, generator.config
    ws = torch.randn(1, config.num_ws, config.w_dim, generator=torch.Generator().manual_seed(head)).to(device)
    yaw = torch.linspace(-0.6, 0.6, count) if count > 1 else torch.zeros(1)
    cameras, ends = look_at_label(yaw, torch.zeros_like(yaw)).to(device), []

    def tick(done: int, total: int) -> None:
        _wait(device)
        ends.append(watch.now())

    with watch.watching():
        watch.clear()
        start = watch.now()
        out = generator.render(ws, cameras, progress=tick, **options)
        _wait(device)
        seconds = watch.now() - start
        watch.finish()
    del out
    return {"seconds": seconds, "stages": watch.seconds, "calls": watch.calls, "peak_mib": watch.total_peak,
            "rays_peak_mib": watch.rays_peak, "later": [b - a for a, b in zip(ends, ends[1:])]}
