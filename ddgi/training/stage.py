"""One training stage: a seeded loop with EMA, a cosine rate, atomic checkpoints and exact resume."""

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

from ..files import atomic_path


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


class Stage:
    """Runs `step_fn(step, generator) -> dict of floats` for `steps` steps.

    Each step draws from a generator seeded by (seed, step), so a resumed run sees the same
    numbers as an uninterrupted one. `run` ends by saving; a finished stage is skipped.

    Args:
        name: file stem of the checkpoint and the log.
        modules: trained modules by name; each has an EMA.
        optimizers: by name; their base rates are scaled by `cosine_rate`.
        folder: where `<name>.pt` and `<name>.jsonl` live.
    """

    def __init__(self, name: str, steps: int, modules: dict[str, nn.Module],
                 optimizers: dict[str, torch.optim.Optimizer], folder: Path, *, seed: int = 0,
                 ema_decay: float = 0.999, save_every: float = 120.0, report: Callable[[str], None] = print):
        self.name, self.steps, self.seed = name, steps, seed
        self.modules, self.optimizers = modules, optimizers
        self.emas = {k: EMA(m, ema_decay) for k, m in modules.items()}
        self.path, self.log = folder / f"{name}.pt", folder / f"{name}.jsonl"
        self.save_every, self.report = save_every, report
        self.base_rates = {k: [g["lr"] for g in o.param_groups] for k, o in optimizers.items()}
        self.position, self.seconds = 0, 0.0
        folder.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            self._load()

    def run(self, step_fn: Callable[[int, torch.Generator], dict[str, float]]) -> None:
        start = saved = time.monotonic()
        before, sums, count = self.seconds, {}, 0
        for step in range(self.position, self.steps):
            for key, optimizer in self.optimizers.items():
                for group, rate in zip(optimizer.param_groups, self.base_rates[key]):
                    group["lr"] = rate * cosine_rate(step, self.steps)
            values = step_fn(step, torch.Generator().manual_seed(self.seed * 1_000_003 + step))
            for key, module in self.modules.items():
                self.emas[key].update(module)
            self.position, self.seconds = step + 1, before + time.monotonic() - start
            sums = {k: sums.get(k, 0.0) + v for k, v in values.items()}
            count += 1
            if count == 50 or step + 1 == self.steps:
                self._write_log({k: v / count for k, v in sums.items()})
                sums, count = {}, 0
            if time.monotonic() - saved > self.save_every:
                self.save()
                saved = time.monotonic()
        self.save()

    def apply_ema(self) -> None:
        """Put the averaged weights into the modules (after `run`)."""
        for key, module in self.modules.items():
            module.load_state_dict(self.emas[key].shadow)

    def save(self) -> None:
        state = {"position": self.position, "seconds": self.seconds,
                 "modules": {k: m.state_dict() for k, m in self.modules.items()},
                 "optimizers": {k: o.state_dict() for k, o in self.optimizers.items()},
                 "emas": {k: e.state_dict() for k, e in self.emas.items()}}
        with atomic_path(self.path) as temporary:
            torch.save(state, temporary)

    def _load(self) -> None:
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        self.position, self.seconds = state["position"], state["seconds"]
        for key, module in self.modules.items():
            module.load_state_dict(state["modules"][key])
            self.emas[key].load_state_dict(state["emas"][key])
        for key, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][key])

    def _write_log(self, values: dict[str, float]) -> None:
        record = {"step": self.position, "seconds": round(self.seconds, 1),
                  **{k: round(v, 5) for k, v in values.items()}}
        with open(self.log, "a") as file:
            file.write(json.dumps(record) + "\n")
        shown = "  ".join(f"{k} {v:.4f}" for k, v in values.items())
        self.report(f"{self.name}  {self.position}/{self.steps}  {self.seconds:.0f} s  {shown}")


def batches(count: int, size: int, step: int, seed: int) -> torch.Tensor:
    """Indices [size] of batch `step` when `count` samples are shuffled anew each epoch."""
    first = step * size
    picked: Iterator[int] = (first + i for i in range(size))
    orders: dict[int, torch.Tensor] = {}
    indices = []
    for position in picked:
        epoch, place = divmod(position, count)
        if epoch not in orders:
            orders[epoch] = torch.randperm(count, generator=torch.Generator().manual_seed(seed * 7919 + epoch))
        indices.append(orders[epoch][place])
    return torch.stack(indices)
