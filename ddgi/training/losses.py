"""Losses on pictures [B, 3, H, W] in -1..1, and what each of their pixels counts."""

import torch
from torch.nn import functional as F

from ..palette import CLASS_NAMES

PARTS_SIDE = 64
EYES = {"left eye", "right eye"}
# Names, weight, and how many of 64 pixels around them share it. A part and the place where it could be weigh alike
# (ears and earrings, a closed mouth and what an open one would cover): a weight only where an earring is would teach
# to draw one everywhere.
PARTS = ((EYES, 10.0, 1), ({"mouth", "upper lip", "lower lip"}, 12.0, 3),
         ({"eyeglasses", "left brow", "right brow", "left ear", "right ear", "earring"}, 4.0, 1),
         ({"neck", "necklace"}, 3.0, 1), ({"nose"}, 2.0, 1))


def pyramid_l1(a: torch.Tensor, b: torch.Tensor, levels: int = 3, weight: torch.Tensor | None = None) -> torch.Tensor:
    """Mean absolute difference, averaged over an image pyramid of `levels` halvings.

    weight: [B, 1, H, W], what the difference at each pixel counts; halved with the images. None: one everywhere.
    """
    weight = torch.ones_like(a[:, :1]) if weight is None else weight
    total = ((a - b).abs() * weight).mean()
    for _ in range(levels - 1):
        a, b, weight = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2), F.avg_pool2d(weight, 2)
        total = total + ((a - b).abs() * weight).mean()
    return total / levels


def edges(image: torch.Tensor) -> torch.Tensor:
    """Horizontal and vertical differences [B, 6, H-1, W-1]."""
    return torch.cat([image[..., 1:, 1:] - image[..., :-1, 1:], image[..., 1:, 1:] - image[..., 1:, :-1]], dim=1)


def edge_l1(a: torch.Tensor, b: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
    """Mean absolute difference of the edges, weighted by `weight` [B, 1, H, W]: keeps thin parts such as lips."""
    difference = (edges(a) - edges(b)).abs()
    return (difference if weight is None else difference * weight[..., 1:, 1:]).mean()


def r1_penalty(discriminator: torch.nn.Module, real: torch.Tensor) -> torch.Tensor:
    """Squared gradient norm of the critic at real images, mean over the batch (Mescheder et al. 2018)."""
    real = real.detach().requires_grad_(True)
    score = discriminator(real)
    gradient, = torch.autograd.grad(score.sum(), real, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


def part_weights(mask: torch.Tensor, eyes: float = 1.0) -> torch.Tensor:
    """Classes [B, R, R] in 0..18 to loss weights [B, 1, R, R] of `PARTS`, 1 elsewhere; `eyes` multiplies theirs."""
    side = mask.shape[-1]
    small = F.interpolate(mask[:, None].float(), size=min(side, PARTS_SIDE), mode="nearest-exact")[:, 0].long()
    weights = torch.ones(len(small), 1, *small.shape[1:])
    for names, weight, margin in PARTS:
        part = torch.tensor([float(name in names) for name in CLASS_NAMES])[small][:, None]
        around = F.max_pool2d(part, 2 * margin + 1, stride=1, padding=margin)
        weights = torch.maximum(weights, weight * (eyes if names == EYES else 1.0) * around)
    return F.interpolate(weights, size=side, mode="nearest-exact")
