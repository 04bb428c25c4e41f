"""One training stage: a seeded loop with EMA, a cosine rate, atomic checkpoints and exact resume."""

import functools
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from ..errors import InputError, first_line
from ..files import atomic_path, sweep, write_error, write_text
from ..seeds import numbered, seeded
from ..stopwatch import in_words
from .folder import curve_lines

_REMEDY = "free space on that disk and run the same command again"


class Stateful(Protocol):
    """Anything that a checkpoint can carry, such as a gradient scaler."""

    def state_dict(self) -> dict: ...

    def load_state_dict(self, state: dict) -> None: ...


class EMA:
    """Exponential moving average of a module's floating-point state; the decay ramps up from zero.

    decay_t = min(decay, (1 + t) / (10 + t)), so that early averages forget the random start.
    """

    def __init__(self, module: nn.Module, decay: float = 0.999):
        self.decay = decay
        self.steps = 0
        self.shadow = {k: v.detach().clone() for k, v in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for key, value in module.state_dict().items():
            if value.is_floating_point():
                self.shadow[key].lerp_(value.detach(), 1 - decay)
            else:
                self.shadow[key].copy_(value)

    def state_dict(self) -> dict:
        return {"steps": self.steps, "shadow": self.shadow}

    def load_state_dict(self, state: dict) -> None:
        self.steps = state["steps"]
        for key, value in state["shadow"].items():
            self.shadow[key].copy_(value)


def cosine_rate(step: int, steps: int, warmup: int = 50, floor: float = 0.05) -> float:
    """Factor on the base learning rate: linear warm-up, then a half cosine down to `floor`."""
    if step < warmup:
        return (step + 1) / warmup
    share = (step - warmup) / max(steps - warmup, 1)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


def constant_rate(step: int, steps: int, warmup: int = 50) -> float:
    """Factor on the base learning rate: linear warm-up, then one."""
    return min((step + 1) / warmup, 1.0)


class Stage:
    """Runs `step_fn(step, rng) -> dict of floats` for `steps` steps.

    Each step draws from a stream of its own, (seed, step), so a resumed run sees the same
    numbers as an uninterrupted one. `run` ends by saving; a finished stage is skipped.

    Args:
        name: file stem of the checkpoint and the log.
        modules: trained modules by name; each has an EMA.
        optimizers: by name; their base rates are scaled by `rate`.
        folder: where `<name>.pt` and `<name>.jsonl` live.
        rate: (step, steps) -> factor on the base learning rates.
        extra: other things with a state, by name; checkpoints carry them too.
        log_every: steps that one line of the log averages over.
        writes: False leaves checkpoint and log to another process that takes the same steps.

    Raises:
        InputError: the checkpoint in `folder` cannot be read, or later, cannot be written.
    """

    def __init__(self, name: str, steps: int, modules: dict[str, nn.Module],
                 optimizers: dict[str, torch.optim.Optimizer], folder: Path, *, seed: int = 0,
                 ema_decay: float = 0.999, save_every: float = 120.0, report: Callable[[str], None] = print,
                 rate: Callable[[int, int], float] = cosine_rate, extra: dict[str, Stateful] | None = None,
                 log_every: int = 50, writes: bool = True):
        self.name, self.steps, self.seed = name, steps, seed
        self.modules, self.optimizers, self.extra = modules, optimizers, extra or {}
        self.emas = {k: EMA(m, ema_decay) for k, m in modules.items()}
        self.path, self.log = folder / f"{name}.pt", folder / f"{name}.jsonl"
        self.save_every, self.report, self.rate, self.log_every = save_every, report, rate, log_every
        self.base_rates = {k: [g["lr"] for g in o.param_groups] for k, o in optimizers.items()}
        self.writes = writes
        self.position, self.seconds, self.stopped = 0, 0.0, False
        self._pace = 0.0                            # seconds of a step of this run
        self._sums: dict[str, float] = {}
        self._count = 0
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        if self.path.exists():
            self._load()

    @property
    def done(self) -> bool:
        return self.stopped or self.position >= self.steps

    @property
    def standing(self) -> str:
        """"mapping: step 30 of 60, about 2 minutes left": how far it is, for people."""
        left = "" if self.done else f", {in_words((self.steps - self.position) * self._pace)} left"
        return f"{self.name}: step {self.position} of {self.steps}{left}"

    def run(self, step_fn: Callable[[int, torch.Generator], dict[str, float]],
            on_step: Callable[["Stage"], bool | None] | None = None) -> None:
        """Take the steps that are left.

        on_step: called after each step, when everything is consistent: it may look on, return True to end the
            stage early, or raise to interrupt the run; the checkpoint is written first.
        """
        start = saved = time.monotonic()
        before, first = self.seconds, self.position
        while not self.done:
            step = self.position
            self._set_rates(step)
            values = step_fn(step, numbered(self.seed, step))
            for key, module in self.modules.items():
                self.emas[key].update(module)
            self.position, self.seconds = step + 1, before + time.monotonic() - start
            self._pace = (self.seconds - before) / (self.position - first)
            self._sums = {k: self._sums.get(k, 0.0) + v for k, v in values.items()}
            self._count += 1
            if on_step is not None:
                self._ask(on_step)
            if self._count >= self.log_every or self.done:
                self._write_log({k: v / self._count for k, v in self._sums.items()})
                self._sums, self._count = {}, 0
            if time.monotonic() - saved > self.save_every:
                self.save()
                saved = time.monotonic()
        self.save()

    def _ask(self, on_step: Callable[["Stage"], bool | None]) -> None:
        try:
            self.stopped = bool(on_step(self))
        except BaseException:
            self.save()
            raise

    def _set_rates(self, step: int) -> None:
        for key, optimizer in self.optimizers.items():
            for group, rate in zip(optimizer.param_groups, self.base_rates[key]):
                group["lr"] = rate * self.rate(step, self.steps)

    def apply_ema(self) -> None:
        """Put the averaged weights into the modules (after `run`)."""
        for key, module in self.modules.items():
            module.load_state_dict(self.emas[key].shadow)

    def save(self) -> None:
        """Write the checkpoint; the one before it stays until the new one is whole."""
        if not self.writes:
            return
        state = {"position": self.position, "seconds": self.seconds, "stopped": self.stopped,
                 "sums": self._sums, "count": self._count,
                 "modules": {k: m.state_dict() for k, m in self.modules.items()},
                 "optimizers": {k: o.state_dict() for k, o in self.optimizers.items()},
                 "emas": {k: e.state_dict() for k, e in self.emas.items()},
                 "extra": {k: e.state_dict() for k, e in self.extra.items()}}
        kept = "the one before it is whole" if self.path.exists() else "there is none yet"
        remedy = (f"this was the checkpoint of step {self.position}, {kept}: free space on that disk and run the same "
                  f"command again to go on from there")
        with atomic_path(self.path, remedy) as temporary:
            _write(state, temporary)

    def _load(self) -> None:
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            self.position, self.seconds = state["position"], state["seconds"]
            self.stopped = state.get("stopped", False)
            self._sums, self._count = dict(state.get("sums", {})), state.get("count", 0)
            for key, module in self.modules.items():
                module.load_state_dict(state["modules"][key])
                self.emas[key].load_state_dict(state["emas"][key])
            for key, optimizer in self.optimizers.items():
                optimizer.load_state_dict(state["optimizers"][key])
            for key, thing in self.extra.items():
                thing.load_state_dict(state["extra"][key])
        except Exception as error:  # a broken file raises anything from KeyError to UnpicklingError
            raise InputError(f"The checkpoint {self.path} does not fit this training ({first_line(error)}); delete it "
                             f"to start this stage again, or train in another folder.") from error
        self._forget_later_lines()

    def _forget_later_lines(self) -> None:
        """Drop what the log says of steps after the checkpoint, which are taken again, and lines that were cut."""
        lines = curve_lines(self.log) if self.writes else []
        kept = [line for line, values in lines if values and line.endswith("\n") and values["step"] <= self.position]
        if cut := sum(values is None for _, values in lines):
            self.report(f"problem          {cut} lines of {self.log} cannot be read and are left out")
        if len(kept) < len(lines):
            write_text(self.log, "".join(kept), _REMEDY)

    def _write_log(self, values: dict[str, float]) -> None:
        self.note({"seconds": round(self.seconds, 1), **{k: round(v, 5) for k, v in values.items()}})
        self.report(", ".join([self.standing, *(f"{k} {v:.4f}" for k, v in values.items())]))

    def note(self, values: dict) -> None:
        """Add a line about the present step to the log."""
        if not self.writes:
            return
        try:
            with open(self.log, "a") as file:
                file.write(json.dumps({"step": self.position, **values}) + "\n")
        except OSError as error:
            raise write_error(self.log, error, _REMEDY) from error


def _write(state: dict, path: Path) -> None:
    try:
        with open(path, "wb") as file:
            torch.save(state, file)
    except RuntimeError as error:  # torch fails again as it closes a file that the disk has no room for
        raise (error.__context__ if isinstance(error.__context__, OSError) else OSError(first_line(error))) from error


def batches(count: int, size: int, step: int, seed: int) -> torch.Tensor:
    """Indices [size] of batch `step` when `count` samples are shuffled anew each epoch."""
    places = (divmod(step * size + i, count) for i in range(size))
    return torch.stack([_order(count, seed, epoch)[place] for epoch, place in places])


@functools.lru_cache(maxsize=8)  # of the epochs that passes, own pictures and kept features are in
def _order(count: int, seed: int, epoch: int) -> torch.Tensor:
    return torch.randperm(count, generator=seeded(seed * 7919 + epoch))
