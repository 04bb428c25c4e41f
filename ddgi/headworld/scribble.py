"""A hand-drawn look from a mask and a depth map: thin lines at class borders and steps in depth."""

import torch
import torch.nn.functional as F
from torch import Tensor


def scribble_from_mask_and_depth(mask: Tensor, depth: Tensor | None = None, step: float = 0.05) -> Tensor:
    """Lines [B, 1, R, R], 1 on a line and 0 elsewhere, one pixel wide.

    Args:
        mask: integer [B, R, R] classes.
        depth: [B, 1, R, R]; a step to the next pixel above `step` world units draws a line too.
    """
    classes = mask.to(torch.int32)
    right = F.pad(classes[:, :, 1:] != classes[:, :, :-1], (0, 1))
    below = F.pad(classes[:, 1:] != classes[:, :-1], (0, 0, 0, 1))
    lines = right | below
    if depth is not None:
        d = depth[:, 0]
        lines = lines | F.pad((d[:, :, 1:] - d[:, :, :-1]).abs() > step, (0, 1))
        lines = lines | F.pad((d[:, 1:] - d[:, :-1]).abs() > step, (0, 0, 0, 1))
    return lines[:, None].float()
