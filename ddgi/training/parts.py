"""Small parts of a face count more in losses on pictures than their area does."""

import torch
from torch.nn import functional as F

from ..palette import CLASS_NAMES

SIDE = 64
EYES = {"left eye", "right eye"}
# Names, weight, and how many of 64 pixels around them share it. A part and the place where it could be weigh alike
# (ears and earrings, a closed mouth and what an open one would cover): a weight only where an earring is would teach
# to draw one everywhere.
PARTS = ((EYES, 10.0, 1), ({"mouth", "upper lip", "lower lip"}, 12.0, 3),
         ({"eyeglasses", "left brow", "right brow", "left ear", "right ear", "earring"}, 4.0, 1),
         ({"neck", "necklace"}, 3.0, 1), ({"nose"}, 2.0, 1))


def part_weights(mask: torch.Tensor, eyes: float = 1.0) -> torch.Tensor:
    """Classes [B, R, R] in 0..18 to loss weights [B, 1, R, R] of `PARTS`, 1 elsewhere; `eyes` multiplies theirs."""
    side = mask.shape[-1]
    small = F.interpolate(mask[:, None].float(), size=min(side, SIDE), mode="nearest-exact")[:, 0].long()
    weights = torch.ones(len(small), 1, *small.shape[1:])
    for names, weight, margin in PARTS:
        part = torch.tensor([float(name in names) for name in CLASS_NAMES])[small][:, None]
        around = F.max_pool2d(part, 2 * margin + 1, stride=1, padding=margin)
        weights = torch.maximum(weights, weight * (eyes if names == EYES else 1.0) * around)
    return F.interpolate(weights, size=side, mode="nearest-exact")
