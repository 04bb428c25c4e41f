"""What training a bridge costs: seconds of a step of M and of T, memory, and the hours of the default recipe.

The trainer and the source of samples are the real ones; the diffusion model and the generator may have random weights.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

from ..errors import InputError
from ..gan import Generator
from ..seeds import seeded
from ..stopwatch import Stopwatch
from ..training.bridge_trainer import MAPPING, MODULATION, BridgeTrainer
from ..training.config import FeatureConfig, TrainConfig
from ..training.encoder import Encoder
from ..training.sources import DataTable, open_source
from ..training.watch import Watch

# Sampling steps of the own picture that is finished here, and of those in a recipe that does not say.
OWN_STEPS, DEFAULT_STEPS = 2, 20


def training_costs(encoder: Encoder, generator: Generator, folder: Path, *, size: int, steps: int, batch: int,
                   precision: str = "fp32", clock: str = "wall",
                   report: Callable[[str], None] = lambda line: None) -> dict[str, dict]:
    """Train M and then T for `steps` steps of `batch` pictures each.

    size: pixels per side of the hints that the diffusion model sees.

    Returns:
        {case: {"seconds", "cpu_seconds", "reading", "learning", "images_per_second", "default_hours", "ratio",
        "ceiling_share", "peak_mib", ...}}. Cases "mapping" and "modulation": seconds of the median step after the
        first, split into E's reading and the network's learning. Cases "sample" and "own_picture": seconds of one, the
        own picture with `OWN_STEPS` sampling steps. default_hours: what the default recipe takes, from the same seconds
        per picture. ratio: seconds over those of a step of M. peak_mib: all that the process holds on the CPU (resident
        memory), all that torch holds on CUDA, models included.

    Raises:
        InputError: fewer than two steps, or no picture in a batch.
    """
    if steps < 2 or batch < 1:
        raise InputError(f"{steps} steps with batches of {batch} were asked for; at least 2 steps of 1 picture are "
                         f"needed, the first one only warms up.")
    stopwatch, default = Stopwatch(generator.w_avg.device, clock), TrainConfig()
    source = open_source(DataTable(count=max(batch, 2)), generator, size, folder / "samples")
    with stopwatch.phase() as sample:
        for index in range(len(source)):
            source.sample(index, seeded(0))
    sample["seconds"] /= len(source)
    trainer = TimedTrainer(_recipe(steps, batch, precision), source, encoder, generator, folder, stopwatch, report)
    with stopwatch.phase() as m:
        trainer.train_mapping()
    with stopwatch.phase() as own:
        trainer.own.fill()
    own["seconds"] /= len(trainer.own)
    with stopwatch.phase() as t:
        trainer.train_modulation()
    own["default_hours"] = default.features.own_images * own["seconds"] * DEFAULT_STEPS / OWN_STEPS / 3600
    for name, case in ((MAPPING, m), (MODULATION, t)):
        case |= _split(trainer.step_seconds[name], trainer.reading_seconds[name], batch)
        case["cpu_seconds"] = median(trainer.cpu_seconds[name][1:])
        pictures = getattr(default, name).steps * getattr(default, name).batch
        case["default_hours"] = pictures / case["images_per_second"] / 3600
    setting = {"generator_size": generator.config.img_resolution, "size": size, "batch": batch, "steps": steps,
               "precision": precision, "clock": clock, "device": str(generator.w_avg.device),
               "threads": torch.get_num_threads()}
    return {name: case | {"ratio": case["seconds"] / m["seconds"], "ceiling_share": None} | setting
            for name, case in {"sample": sample, "own_picture": own, MAPPING: m, MODULATION: t}.items()}


def _recipe(steps: int, batch: int, precision: str) -> TrainConfig:
    """The default recipe, cut down to `steps` steps, one own picture and one score."""
    default = TrainConfig()
    few = {"steps": steps, "batch": batch}
    return dataclasses.replace(
        default, precision=precision, held_out=batch, held_out_share=0.5, evaluate_every=steps, log_every=1,
        features=FeatureConfig(own_images=1, statistics=batch),
        mapping=dataclasses.replace(default.mapping, **few),
        modulation=dataclasses.replace(default.modulation, **few))


class TimedTrainer(BridgeTrainer):
    """The trainer under a stopwatch: seconds of the steps of each stage, and what part of them E's reading takes."""

    def __init__(self, config, source, encoder, generator, folder, stopwatch: Stopwatch, report: Callable[[str], None]):
        super().__init__(config, source, encoder, generator, folder, watch=Watch(report=report))
        self.stopwatch, self.cpu = stopwatch, Stopwatch(stopwatch.device, "cpu")
        self.step_seconds: dict[str, list[float]] = {MAPPING: [], MODULATION: []}
        self.cpu_seconds: dict[str, list[float]] = {MAPPING: [], MODULATION: []}
        self.reading_seconds: dict[str, list[float]] = {MAPPING: [], MODULATION: []}

    def passes(self, name, own=None):
        passes = super().passes(name, own)
        if name in self.reading_seconds:
            passes.step = self.stopwatch.timed(passes.step, self.reading_seconds[name])
        return passes

    def trainer(self, name, passes, folder=None):
        trainer = super().trainer(name, passes, folder)
        step = self.cpu.timed(trainer._step, self.cpu_seconds[name])
        trainer._step = self.stopwatch.timed(step, self.step_seconds[name])
        return trainer


def _split(steps: list[float], readings: list[float], batch: int) -> dict:
    """Seconds of the median step after the first, and of E's reading and the network's learning in it."""
    seconds, reading = median(steps[1:]), median(readings[1:])
    return {"seconds": seconds, "reading": reading, "learning": seconds - reading,
            "images_per_second": batch / seconds, "step_seconds": steps}
