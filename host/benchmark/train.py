"""What training a bridge takes at full size: an SD 1.5-shaped diffusion model and a StyleGAN2 or EG3D generator.

Random weights serve: time and memory do not depend on them. The trainer, the encoder and the source of samples are
the real ones. Needs the host; `ddgi.runner.import_host` makes it importable.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import comfy.model_management
import comfy.sd
import comfy.supported_models
import torch

from ...ddgi.demo.config import DiffusionConfig
from ...ddgi.errors import InputError
from ...ddgi.evaluation.peak import PeakMemory
from ...ddgi.evaluation.view_costs import CLOCKS
from ...ddgi.evaluation.view_costs import CONFIGS as EG3D_CONFIGS
from ...ddgi.evaluation.view_costs import random_generator as random_eg3d
from ...ddgi.gan import Generator, StyleGAN2, StyleGAN2Config
from ...ddgi.training.bridge_trainer import MAPPING, MODULATION, BridgeTrainer
from ...ddgi.training.config import FeatureConfig, TrainConfig
from ...ddgi.training.sources import DataTable, open_source
from ...ddgi.training.watch import Watch
from ..core_models import (
    build_autoencoder,
    build_control_net,
    build_vae,
    initialise,
    load_control_net,
)
from ..training.encoder import DiffusionEncoder
from .capture import SD15_UNET, sd15_model, synchronize

SD15 = DiffusionConfig(
    image_size=512, downscale=8, latent_scale=0.18215, text={}, unet=SD15_UNET,
    vae={"double_z": True, "z_channels": 4, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 128,
         "ch_mult": [1, 2, 4, 4], "num_res_blocks": 2, "attn_resolutions": [], "dropout": 0.0})
PARAMETERS = 859_520_964     # of its U-Net
# Sampling steps of the own picture that is finished here, and of those in a recipe that does not say.
OWN_STEPS, DEFAULT_STEPS = 2, 20


def sd15_encoder(size: int) -> DiffusionEncoder:
    """E with the sizes of SD 1.5, its text model and its ControlNet, in the precision that the host would choose."""
    device = comfy.model_management.get_torch_device()
    model = sd15_model(comfy.model_management.unet_dtype(device, model_params=PARAMETERS))
    control, vae = build_control_net(SD15), build_autoencoder(SD15)
    clip = comfy.sd.CLIP(comfy.supported_models.SD15({}).clip_target())
    for network in (control, clip.cond_stage_model):
        initialise(network)
    return DiffusionEncoder(model, clip, build_vae(SD15, vae.state_dict()),
                            load_control_net(SD15, control.state_dict()), size=size, steps=OWN_STEPS,
                            name="random weights")


def stylegan2_1024(device: torch.device) -> Generator:
    """An untrained StyleGAN2 of the size of FFHQ-1024, 30.4 M parameters, the same at every call."""
    config = StyleGAN2Config()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = StyleGAN2(config)
    return Generator(config, module.eval().requires_grad_(False).to(device), name="random weights")


GENERATORS: dict[str, Callable[[torch.device], Generator]] = {
    "stylegan2": stylegan2_1024, "eg3d": lambda device: random_eg3d(EG3D_CONFIGS["ffhq"], device)}


def run(kind: str = "stylegan2", *, size: int = 512, steps: int = 2, batch: int = 1, precision: str = "fp32",
        clock: str = "wall", report: Callable[[str], None] = lambda line: None) -> dict[str, dict]:
    """Measure at `size` pixels of the diffusion model -> the dict of `measure`.

    kind: of `GENERATORS`. precision: of the bridge and its generator, see `TrainConfig`. clock: of `view_costs.CLOCKS`.
    """
    report("random weights of Stable Diffusion 1.5's sizes")
    encoder = sd15_encoder(size)
    generator = GENERATORS[kind](comfy.model_management.get_torch_device())
    with tempfile.TemporaryDirectory() as folder:
        return measure(encoder, generator, Path(folder), steps=steps, batch=batch, precision=precision, clock=clock,
                       report=report)


def measure(encoder: DiffusionEncoder, generator: Generator, folder: Path, *, steps: int, batch: int,
            precision: str = "fp32", clock: str = "wall",
            report: Callable[[str], None] = lambda line: None) -> dict[str, dict]:
    """Train M and then T for `steps` steps of `batch` pictures each.

    Returns:
        {case: {"seconds", "reading", "learning", "images_per_second", "default_hours", "ratio", "ceiling_share",
        "peak_mib", ...}}. Cases "mapping" and "modulation": seconds of the median step after the first, split into
        E's reading and the network's learning. Cases "sample" and "own_picture": seconds of one, the own picture with
        `OWN_STEPS` sampling steps. default_hours: what the default recipe takes, from the same seconds per picture.
        ratio: seconds over those of a step of M. peak_mib: all that the process holds on the CPU (resident memory),
        all that torch holds on CUDA, models included.

    Raises:
        InputError: fewer than two steps, or no picture in a batch.
    """
    if steps < 2 or batch < 1:
        raise InputError(f"{steps} steps with batches of {batch} were asked for; at least 2 steps of 1 picture are "
                         f"needed, the first one only warms up.")
    stopwatch, default = Stopwatch(generator.w_avg.device, clock), TrainConfig()
    source = open_source(DataTable(count=max(batch, 2)), generator, encoder.size, folder / "samples")
    with stopwatch.phase() as sample:
        for index in range(len(source)):
            source.sample(index, torch.Generator().manual_seed(0))
    sample["seconds"] /= len(source)
    trainer = TimedTrainer(recipe(steps, batch, precision), source, encoder, generator, folder, stopwatch, report)
    with stopwatch.phase() as m:
        trainer.train_mapping()
    with stopwatch.phase() as own:
        trainer.own.fill()
    own["seconds"] /= len(trainer.own)
    with stopwatch.phase() as t:
        trainer.train_modulation()
    own["default_hours"] = default.features.own_images * own["seconds"] * DEFAULT_STEPS / OWN_STEPS / 3600
    for name, case in ((MAPPING, m), (MODULATION, t)):
        case |= split(trainer.step_seconds[name], trainer.reading_seconds[name], batch)
        pictures = getattr(default, name).steps * getattr(default, name).batch
        case["default_hours"] = pictures / case["images_per_second"] / 3600
    setting = {"generator_size": generator.config.img_resolution, "size": encoder.size, "batch": batch, "steps": steps,
               "precision": precision, "clock": clock, "device": str(generator.w_avg.device),
               "threads": torch.get_num_threads()}
    return {name: case | {"ratio": case["seconds"] / m["seconds"], "ceiling_share": None} | setting
            for name, case in {"sample": sample, "own_picture": own, MAPPING: m, MODULATION: t}.items()}


def recipe(steps: int, batch: int, precision: str) -> TrainConfig:
    """The default recipe, cut down to `steps` steps, one own picture and one score."""
    default = TrainConfig()
    few = {"steps": steps, "batch": batch}
    return dataclasses.replace(
        default, precision=precision, held_out=batch, held_out_share=0.5, evaluate_every=steps, log_every=1,
        features=FeatureConfig(own_images=1, statistics=batch),
        mapping=dataclasses.replace(default.mapping, **few),
        modulation=dataclasses.replace(default.modulation, **few))


class Stopwatch:
    """Seconds, by a clock of `view_costs.CLOCKS`, and the highest memory."""

    def __init__(self, device: torch.device, clock: str = "wall"):
        self.memory, self.clock = PeakMemory(device), CLOCKS[clock]

    def now(self) -> float:
        synchronize(self.memory.device)
        return self.clock()

    @contextmanager
    def phase(self) -> Iterator[dict]:
        """The dict gets "seconds" and "peak_mib" when the block ends."""
        found: dict = {}
        self.memory.reset()
        start = self.now()
        yield found
        found["seconds"] = self.now() - start
        grown = self.memory.read()
        found["peak_mib"] = None if grown is None else self.memory.base + grown

    def timed(self, function: Callable, seconds: list[float]) -> Callable:
        """The function, adding the seconds of each of its calls to the list."""
        def wrapper(*args):
            start = self.now()
            result = function(*args)
            seconds.append(self.now() - start)
            return result
        return wrapper


class TimedTrainer(BridgeTrainer):
    """The trainer under a stopwatch: seconds of the steps of each stage, and what part of them E's reading takes."""

    def __init__(self, config, source, encoder, generator, folder, stopwatch: Stopwatch, report: Callable[[str], None]):
        super().__init__(config, source, encoder, generator, folder, watch=Watch(report=report))
        self.stopwatch = stopwatch
        self.step_seconds: dict[str, list[float]] = {MAPPING: [], MODULATION: []}
        self.reading_seconds: dict[str, list[float]] = {MAPPING: [], MODULATION: []}

    def passes(self, name, own=None):
        passes = super().passes(name, own)
        if name in self.reading_seconds:
            passes.step = self.stopwatch.timed(passes.step, self.reading_seconds[name])
        return passes

    def trainer(self, name, passes, folder=None):
        trainer = super().trainer(name, passes, folder)
        trainer._step = self.stopwatch.timed(trainer._step, self.step_seconds[name])
        return trainer


def split(steps: list[float], readings: list[float], batch: int) -> dict:
    """Seconds of the median step after the first, and of E's reading and the network's learning in it."""
    seconds, reading = median(steps[1:]), median(readings[1:])
    return {"seconds": seconds, "reading": reading, "learning": seconds - reading,
            "images_per_second": batch / seconds, "step_seconds": steps}
