"""Recipes: from the tables of a TOML file to models, data and a training, in the host."""

import json
from dataclasses import dataclass
from pathlib import Path

import comfy.model_management
import comfy.samplers

from ... import ddgi
from ...ddgi.config import build, check_choice, check_count, check_number, read_recipe
from ...ddgi.demo import files
from ...ddgi.errors import InputError
from ...ddgi.training.bridge_trainer import BridgeTrainer
from ...ddgi.training.config import TrainConfig
from ...ddgi.training.data import problem_lines
from ...ddgi.training.preflight import preflight, report_lines
from ...ddgi.training.sources import DataTable, open_source
from ...ddgi.training.watch import Watch
from .. import folders
from ..diffusion import DEMO, open_diffusion, own_file
from .encoder import DiffusionEncoder


@dataclass(frozen=True)
class ModelTable:
    """The `[models]` table: files by path, or by name in ComfyUI's model folders.

    Attributes:
        checkpoint: Stable Diffusion file, or "demo" for the models of this pack, ControlNet and generator included.
        control_net, generator, vae: files; an empty vae is the checkpoint's.
        bridge: a trained bridge to go on from; empty begins a new one.
        size: side of the pictures that the diffusion model sees; 0 is 512, or the demo model's.
        steps, cfg, sampler, scheduler: of the diffusion model's own pictures. strength: of the ControlNet.
    """

    checkpoint: str = DEMO
    control_net: str = ""
    generator: str = ""
    vae: str = ""
    bridge: str = ""
    size: int = 0
    steps: int = 20
    cfg: float = 7.0
    sampler: str = "euler"
    scheduler: str = "normal"
    strength: float = 1.0

    def __post_init__(self):
        check_count("size", self.size, 0, 8192)
        check_count("steps", self.steps, 1, 10_000)
        check_number("cfg", self.cfg, least=0, most=1000)
        check_number("strength", self.strength, least=0, most=1000)
        check_choice("sampler", self.sampler, comfy.samplers.KSampler.SAMPLERS)
        check_choice("scheduler", self.scheduler, comfy.samplers.KSampler.SCHEDULERS)


def run(recipe: str | Path, folder: str | Path, out: str | Path, watch: Watch, *, check_only: bool = False) -> dict:
    """Train as a recipe says, in `folder`, and write the bridge to `out`.

    Args:
        recipe: the TOML file. check_only: stop after the report of what the training will take.

    Returns:
        {"report", "problems"}, and after training {"file", "record"} too.

    Raises:
        InputError: something in the recipe, the models, the data or the folder is not as it must be.
    """
    tables = read_recipe(recipe)
    models = build(ModelTable, tables.pop("models", {}), "models.")
    data = build(DataTable, tables.pop("data", {}), "data.")
    config = build(TrainConfig, tables)
    trainer, problems = prepare(config, data, open_encoder(models), open_generator(models), Path(folder), watch,
                                open_start(models))
    with trainer.lock:
        result = {"report": check(trainer), "problems": problems}
        if check_only:
            return result
        bridge = trainer.run()
        if trainer.processes.main:
            bridge.save(out)
    return {**result, "file": str(out), "record": json.loads(json.dumps(bridge.record))}


def prepare(config: TrainConfig, data: DataTable, encoder: DiffusionEncoder, generator: "ddgi.Generator", folder: Path,
            watch: Watch, start: "ddgi.Bridge | None" = None) -> tuple[BridgeTrainer, list[str]]:
    """A training that is ready to run in `folder`, and the problems of its data, which `watch` gets too.

    Raises:
        InputError: the data or the folder is not as it must be.
    """
    hint_size = encoder.side * getattr(encoder.control_net, "compression_ratio", 8)
    source = open_source(data, generator, hint_size, folder / "samples", watch.making("checking the data"))
    problems = problem_lines(source.problems)
    for line in problems:
        watch.report(f"problem          {line}")
    for line in source.notes:
        watch.report(f"note             {line}")
    return BridgeTrainer(config, source, encoder, generator, folder, watch=watch, start=start), problems


def check(trainer: BridgeTrainer) -> dict:
    """The pre-flight report, which the trainer's watch gets as lines.

    Raises:
        InputError: what the training keeps does not fit on the disk.
    """
    report = preflight(trainer)
    for line in report_lines(report):
        trainer.watch.report(line)
    return report


def open_encoder(models: ModelTable, demo: Path = folders.DEMO) -> DiffusionEncoder:
    """The frozen diffusion model of a recipe; `demo` is the folder of the demo models."""
    parts = open_diffusion(models.checkpoint, models.control_net, models.vae, demo)
    return DiffusionEncoder(parts.model, parts.clip, parts.vae, parts.control_net, size=models.size,
                            steps=models.steps, cfg=models.cfg, sampler=models.sampler, scheduler=models.scheduler,
                            strength=models.strength, name=models.checkpoint)


def open_generator(models: ModelTable) -> "ddgi.Generator":
    """The frozen generator of a recipe, on the device that trains."""
    name = models.generator
    if not name:
        if models.checkpoint != DEMO:
            raise InputError("The recipe names no generator; set generator in [models] to a generator file.")
        name = f"demo/{files.GENERATOR}"
    bases = folders.all_folders(folders.GENERATORS)
    generator = ddgi.load_generator(own_file(folders.GENERATORS, name), bases=bases)
    return generator.to(comfy.model_management.get_torch_device())


def open_start(models: ModelTable) -> "ddgi.Bridge | None":
    """The bridge that a recipe goes on from, if it names one."""
    return ddgi.load_bridge(own_file(folders.BRIDGES, models.bridge)) if models.bridge else None
