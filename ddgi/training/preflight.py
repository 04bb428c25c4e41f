"""What a training will take, found out before it starts: one real step of M and of T on copies."""

import copy
import shutil
from dataclasses import dataclass

import torch

from ..bridge import BridgeInputs
from ..errors import InputError
from ..stopwatch import Stopwatch
from .bridge_trainer import MAPPING, MODULATION, BridgeTrainer, latents_of
from .network_trainer import mixed

GIB = 2 ** 30


@dataclass(frozen=True)
class Trial:
    """Seconds that E takes for a batch, and that the network takes for a step; peak memory of both, or None."""

    reading: float
    learning: float
    peak_mib: float | None


def preflight(trainer: BridgeTrainer) -> dict:
    """The report as JSON values.

    Raises:
        InputError: the features that are to be kept do not fit on the disk, or a step into the device's memory.
    """
    config, sizes, space = trainer.config, trainer.bridge.config, trainer.space
    trials = {name: _fitting_trial(trainer, name) for name in (MAPPING, MODULATION)}
    inputs = trainer.passes(MAPPING).step(0, 1).inputs
    # M reads h alone; half precision
    pass_bytes = 2 * (inputs.h.numel() + sum(x.numel() for x in _tensors(inputs)))
    kept = config.features.passes * pass_bytes if config.features.cache == "disk" else 0
    free = shutil.disk_usage(trainer.folder).free
    if kept > free:
        raise InputError(f"Keeping {config.features.passes} passes for M and for T takes {kept / GIB:.1f} GiB and the "
                         f"disk of {trainer.folder} has {free / GIB:.1f} GiB free; set fewer passes, or "
                         f"cache = \"none\".")
    return {
        "family": trainer.encoder.layout.family, "layout": trainer.encoder.layout.to_config(),
        "generator": {"name": space.generator.name, "kind": space.generator.label,
                      "size": space.size, "num_ws": space.num_ws, "w_dim": len(space.w_avg)},
        "shapes": {"h": list(inputs.h.shape[1:]), "f": [list(x.shape[1:]) for x in inputs.f],
                   "attention": [list(x.shape[1:]) for x in inputs.attention], "words": list(inputs.words.shape[1:])},
        "bridge": {"middle_size": sizes.middle_size, "map_size": sizes.map_size,
                   "parameters": {n: sum(p.numel() for p in getattr(trainer.bridge, n).parameters()) for n in trials}},
        "samples": {"training": len(trainer.train), "held_out": len(trainer.held_out),
                    "problems": len(trainer.train.problems)},
        "steps": {name: trainer.settings(name).steps for name in trials},
        "seconds_per_step": {name: round(_step_seconds(trainer, name, trial), 3) for name, trial in trials.items()},
        "peak_mib": {name: trial.peak_mib and round(trial.peak_mib) for name, trial in trials.items()},
        "disk_gib": round(kept / GIB, 2), "hours": round(_seconds(trainer, trials) / 3600, 2),
        "left_out": trainer.left_out(),
    }


def report_lines(report: dict) -> list[str]:
    """The report for people."""
    generator, samples = report["generator"], report["samples"]
    shapes = "  ".join([f"h {_shape(report['shapes']['h'])}", "f " + ", ".join(map(_shape, report["shapes"]["f"]))])
    text = [f"diffusion model  {report['family']}, {shapes}",
            f"generator        {generator['name']} ({generator['kind']}, {generator['size']} px, "
            f"w+ {generator['num_ws']} x {generator['w_dim']})",
            f"data             {samples['training']} samples to learn from, {samples['held_out']} held out, "
            f"{samples['problems']} problems"]
    for name, label in ((MAPPING, "M"), (MODULATION, "T")):
        peak = report["peak_mib"][name]
        text.append(f"{label} ({name})".ljust(17) + f"{report['bridge']['parameters'][name] / 1e6:.2f} M parameters, "
                    f"{report['steps'][name]} steps of {report['seconds_per_step'][name]:.2f} s"
                    + ("" if peak is None else f", peak {peak} MiB"))
    text.append(f"in all           about {report['hours']:.1f} hours, {report['disk_gib']:.1f} GiB of features on disk")
    return text + [f"left out         {reason}" for reason in report["left_out"]]


def _shape(shape: list[int]) -> str:
    return "x".join(map(str, shape))


def _fitting_trial(trainer: BridgeTrainer, name: str) -> Trial:
    try:
        return _trial(trainer, name)
    except torch.OutOfMemoryError as error:
        settings = trainer.settings(name)
        advice = (f"set batch = {settings.batch // 2} and accumulate = {2 * settings.accumulate} in [{name}], which "
                  f"trains alike with half the memory" if settings.batch > 1 else "use precision = \"fp16\"")
        raise InputError(f"A step of {name} with {settings.batch} pictures at a time does not fit into the memory of "
                         f"{trainer.space.device}; {advice}.") from error


def _trial(trainer: BridgeTrainer, name: str) -> Trial:
    """The second of two steps on copies; the first also pays for what is loaded only once."""
    settings, device = trainer.settings(name), trainer.space.device
    bridge = copy.deepcopy(trainer.bridge)
    network, latents = getattr(bridge, name).requires_grad_(True), latents_of(name, bridge)
    optimizer, objective = torch.optim.AdamW(network.parameters()), trainer.objective(name)
    stopwatch = Stopwatch(device)
    for _ in range(2):
        stopwatch.memory.reset()
        start = stopwatch.now()
        batch = trainer.passes(name).step(0, settings.batch)
        read = stopwatch.now()
        with mixed(trainer.config.precision, device):
            loss, _ = objective(latents(network, batch.inputs), batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        done = stopwatch.now()
    return Trial(read - start, done - read, stopwatch.memory.read())


def _step_seconds(trainer: BridgeTrainer, name: str, trial: Trial) -> float:
    reading = trial.reading if trainer.config.features.cache == "none" else 0.0
    return trainer.settings(name).accumulate * (reading + trial.learning)


def _seconds(trainer: BridgeTrainer, trials: dict[str, Trial]) -> float:
    """Of the whole training; scores and checkpoints, a few per cent, are not counted."""
    config, one_pass = trainer.config, trials[MAPPING].reading / trainer.config.mapping.batch
    total = sum(trainer.settings(name).steps * _step_seconds(trainer, name, trial) for name, trial in trials.items())
    if config.modulation.own_share:
        count = min(config.features.own_images, len(trainer.train))
        total += count * trainer.encoder.finish_passes * one_pass
    if config.features.cache == "disk":
        total += 2 * config.features.passes * one_pass
    return total


def _tensors(inputs: BridgeInputs) -> list[torch.Tensor]:
    return [inputs.h, *inputs.f, *inputs.attention, inputs.words]
