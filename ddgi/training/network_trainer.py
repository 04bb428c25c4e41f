"""Training of one network of a bridge: the step, the score, the preview."""

import contextlib
import copy
import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import torch
from torch import autocast, nn

from ..bridge import BridgeInputs
from ..errors import InputError
from ..pictures import resize
from .config import LARGEST_COMPARED, RATES, StageConfig, TrainConfig
from .objective import Objective
from .passes import Batch, KeptPasses, Passes
from .processes import Processes
from .stage import Stage
from .watch import Watch

PREVIEWS = 4
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class BestWeights:
    """The weights with the lowest score so far, and how long ago that was; part of a checkpoint."""

    def __init__(self, patience: int):
        self.patience = patience
        self.scores: list[list[float]] = []  # [step, score]
        self.best = float("inf")
        self.since = 0
        self.weights: dict[str, torch.Tensor] = {}

    def add(self, step: int, value: float, weights: dict[str, torch.Tensor]) -> bool:
        """Note the score of step `step`; True when training should stop."""
        self.scores.append([step, value])
        if value < self.best:
            self.best, self.since = value, 0
            self.weights = {k: v.detach().clone() for k, v in weights.items()}
        else:
            self.since += 1
        return 0 < self.patience <= self.since

    def state_dict(self) -> dict:
        return {"scores": self.scores, "best": self.best, "since": self.since, "weights": self.weights}

    def load_state_dict(self, state: dict) -> None:
        self.scores, self.best, self.since = [list(s) for s in state["scores"]], state["best"], state["since"]
        self.weights = dict(state["weights"])


class NetworkTrainer:
    """Trains M, or T, from passes.

    Args:
        name: of the stage: its checkpoint is `<name>.pt` and its curves are `<name>.jsonl` in `folder`.
        network: the only thing that changes.
        latents: (network, inputs) to ws [B, num_ws, w_dim].
        held_out: passes for the score.
        processes: that train the same network together; each takes its share of every step.
    """

    def __init__(self, name: str, config: TrainConfig, settings: StageConfig, network: nn.Module,
                 latents: Callable[[nn.Module, BridgeInputs], torch.Tensor], objective: Objective,
                 passes: Passes | KeptPasses, held_out: Passes | KeptPasses, folder: Path, watch: Watch,
                 processes: Processes = Processes()):
        self.name, self.config, self.settings, self.network = name, config, settings, network
        self.latents, self.objective, self.passes, self.held_out = latents, objective, passes, held_out
        self.watch, self.device, self.processes = watch, objective.space.device, processes
        self.optimizer = torch.optim.AdamW(network.requires_grad_(True).parameters(), lr=settings.rate,
                                           betas=(0.9, 0.99), weight_decay=settings.weight_decay)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=config.precision == "fp16")
        self.best = BestWeights(config.patience)
        self.stage = Stage(
            name, settings.steps, {name: network}, {"adam": self.optimizer}, folder, seed=config.seed,
            ema_decay=settings.ema_decay, save_every=config.save_every, report=watch.report,
            rate=partial(RATES[settings.schedule], warmup=settings.warmup), log_every=config.log_every,
            extra={"scaler": self.scaler, "best": self.best}, writes=processes.main)
        self._averaged = copy.deepcopy(network).requires_grad_(False)

    def run(self) -> None:
        """Take the steps that are left; the network ends with its averaged weights, or the best if it may stop early.

        Raises:
            InputError: the loss is no longer finite, or a checkpoint cannot be written.
        """
        self.stage.run(self._step, self._look)
        self.stage.apply_ema()
        if self.config.patience and self.best.weights:
            self.network.load_state_dict(self.best.weights)
        self.optimizer.zero_grad(set_to_none=True)
        self.network.requires_grad_(False)

    def _step(self, step: int, rng: torch.Generator) -> dict[str, float]:
        parts, sums = self.settings.accumulate, {}
        self.optimizer.zero_grad(set_to_none=True)
        for part in range(parts):
            number = (step * parts + part) * self.processes.count + self.processes.rank
            batch = self.passes.step(number, self.settings.batch)
            with mixed(self.config.precision, self.device):
                loss, values = self.objective(self.latents(self.network, batch.inputs), batch)
            values = self.processes.mean(values)
            if not math.isfinite(values["loss"]):
                raise InputError(f"The loss of {self.name} is {values['loss']} at step {step}; lower its rate, or use "
                                 f"precision = \"fp32\", and train in a new folder.")
            self.scaler.scale(loss / parts).backward()
            sums = {k: sums.get(k, 0.0) + v / parts for k, v in values.items()}
        # Before the scaler looks at them: a gradient that overflowed in one process then does so in all.
        self.processes.average_gradients(self.network.parameters())
        self.scaler.unscale_(self.optimizer)
        if self.settings.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return sums

    def _look(self, stage: Stage) -> bool:
        """Score and preview when it is time; True stops the stage."""
        stop = False
        if stage.position % self.config.evaluate_every == 0 or stage.done:
            stop = self._evaluate(stage)
        with self.processes.together():
            self.watch.progress(self.name, stage.position, stage.steps)
        return stop

    def _evaluate(self, stage: Stage) -> bool:
        self._averaged.load_state_dict(stage.emas[self.name].shadow)
        values = self.processes.mean(score(lambda batch: self.latents(self._averaged, batch.inputs), self.objective,
                                           self.held_out_batches()))
        stop = self.best.add(stage.position, values["loss"], stage.emas[self.name].shadow)
        stage.note({"held_out": {k: round(v, 5) for k, v in values.items()}})
        best = " (best)" if values["loss"] == self.best.best else ""
        self.watch.report(f"{stage.standing}, score {values['loss']:#.4g}{best}")
        self.watch.preview(self.name, stage.position, self._pictures(next(self.held_out_batches())))
        return stop

    def held_out_batches(self) -> Iterator[Batch]:
        """The passes that the score is measured on, always the same."""
        size = min(self.settings.batch, self.config.held_out)
        return (self.held_out.step(step, size) for step in range(self.config.held_out // size))

    @torch.no_grad()
    def _pictures(self, batch: Batch) -> torch.Tensor:
        count = min(PREVIEWS, len(batch))
        camera = None if batch.camera is None else batch.camera[:count]
        ws = self.latents(self._averaged, batch.inputs)[:count]
        drawn = self.objective.space.draw(ws, camera)
        side = min(LARGEST_COMPARED, drawn.shape[-1])
        return torch.stack([resize(batch.target[:count], side), resize(drawn, side)]).cpu()


@torch.no_grad()
def score(latents: Callable[[Batch], torch.Tensor], objective: Objective, batches: Iterable[Batch]) -> dict[str, float]:
    """Mean of the loss and of its terms over `batches`; latents(batch) gives [B, num_ws, w_dim]."""
    sums: dict[str, float] = {}
    count = 0
    for batch in batches:
        count += len(batch)
        for name, value in objective(latents(batch), batch)[1].items():
            sums[name] = sums.get(name, 0.0) + value * len(batch)
    return {name: value / count for name, value in sums.items()}


def mixed(precision: str, device: torch.device):
    """The context of mixed precision, where a recipe asks for it."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return autocast(device.type, _DTYPES[precision])
