"""Which denoising steps a bridge is trained on. To try another distribution, add a function and name it below."""

from collections.abc import Callable

import torch


def uniform(rng: torch.Generator) -> float:
    """Every step alike: the paper's multi-step training."""
    return torch.rand((), generator=rng).item()


def low(rng: torch.Generator) -> float:
    """Density 2 (1 - u): more of the late steps, where structure is kept better."""
    return torch.rand(2, generator=rng).min().item()


def late(rng: torch.Generator) -> float:
    """u = r^3, r uniform: nearly half of the passes in the last tenth of the steps, and some at every step."""
    return torch.rand((), generator=rng).item() ** 3


def ends(rng: torch.Generator) -> float:
    """Three tenths of the passes read pure noise, u in 0.98 .. 1, the others are late: for bridges that are read after
    a whole sampling run and in a single pass as well.
    """
    noise, place = torch.rand(2, generator=rng).tolist()
    return 1 - 0.02 * place if noise < 0.3 else place ** 3


def high(rng: torch.Generator) -> float:
    """Density 2 u: more of the early steps, where the text shows more clearly."""
    return torch.rand(2, generator=rng).max().item()


def logit_normal(rng: torch.Generator) -> float:
    """sigmoid(n), n standard normal: mostly the middle (Esser et al. 2024, section 3.1)."""
    return torch.randn((), generator=rng).sigmoid().item()


def last(rng: torch.Generator) -> float:
    """Only the last step of a sampling run: one-step training, for comparison."""
    return 0.0


# A distribution draws u in 0..1: 0 is a clean picture (the last sampling step), 1 pure noise (the first).
DISTRIBUTIONS: dict[str, Callable[[torch.Generator], float]] = {
    "uniform": uniform, "low": low, "late": late, "ends": ends, "high": high, "logit_normal": logit_normal,
    "last": last}


def draw_timestep(distribution: str, count: int, rng: torch.Generator) -> int:
    """A timestep, 0 to `count` - 1."""
    return min(int(DISTRIBUTIONS[distribution](rng) * count), count - 1)
