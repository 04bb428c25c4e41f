"""Directions of the latents that tell attributes apart.

Glasses explain half a percent of the latents' variance, an expression less: a squared error hardly sees them. Along
these directions they are as large as anything else.
"""

import torch
from torch.nn import functional as F

from ..headworld import STYLES
from .prompts import VALUES

RIDGE = 0.01                               # of the mean variance
FEWEST = 24                                # heads of a style with a value, below which there is no direction for it
STRONGER = {"glasses": 2.0, "earrings": 2.0}


def attribute_directions(latents: torch.Tensor, attributes: torch.Tensor, styles: torch.Tensor) -> torch.Tensor:
    """[S, V, D]: for each style and each value of each attribute, the ridge regression that finds it in clean latents.

    Scaled so that the reading has unit spread over the heads of the style; zero where a value does not occur.

    Args:
        latents: [N, ...] with D numbers each. attributes: int64 [N, 10]. styles: [N], places in `STYLES`.
    """
    flat = latents.flatten(1).double()
    return torch.stack([_of_style(flat[styles == place], attributes[styles == place])
                        for place in range(len(STYLES))]).float()


def _of_style(flat: torch.Tensor, attributes: torch.Tensor) -> torch.Tensor:
    names = [name for name in VALUES if name != "style"]
    truth = torch.cat([F.one_hot(column, len(VALUES[name])) for name, column in zip(names, attributes.unbind(1))],
                      1).double()
    strength = torch.cat([torch.full((len(VALUES[name]),), STRONGER.get(name, 1.0)) for name in names]).double()
    if len(flat) < FEWEST:
        return torch.zeros(truth.shape[1], flat.shape[1], dtype=torch.double)
    x, y = flat - flat.mean(0), truth - truth.mean(0)
    gram = x.T @ x / len(x)
    ridge = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=torch.double)
    found = torch.linalg.solve(gram + ridge, x.T @ y / len(x))                                # [D, V]
    spread = (x @ found).std(0)
    usable = (truth.sum(0) >= FEWEST) & (truth.sum(0) <= len(truth) - FEWEST) & (spread > 1e-6)
    return (found / spread.clamp_min(1e-6) * usable * strength.sqrt()).T


def direction_loss(directions: torch.Tensor, styles: torch.Tensor, error: torch.Tensor) -> torch.Tensor:
    """Half the mean squared error along the directions.

    directions: [S, V, D]. styles: [B]. error: [B, ...], of the clean latents.
    """
    along = torch.einsum("bvd,bd->bv", directions[styles.long()], error.flatten(1))
    return 0.5 * along.square().mean()
