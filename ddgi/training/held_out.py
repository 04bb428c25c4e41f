"""The score on samples that are never trained on, and when to stop because of it."""

from collections.abc import Callable, Iterable

import torch

from .batch import Batch
from .objective import Objective


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
