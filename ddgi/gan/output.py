"""What a render call returns."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class RenderOutput:
    """Pictures of one render call; all but the first only from 3D generators.

    Attributes:
        image: [B, 3, H, W], fp32, about -1 to 1.
        image_raw: [B, 3, h, w] before super-resolution, or None.
        image_depth: [B, 1, h, w] distance along the unit ray in world units, or None.
        image_alpha: [B, 1, h, w], 0..1, how much of each ray the head stops, or None.
    """

    image: torch.Tensor
    image_raw: torch.Tensor | None = None
    image_depth: torch.Tensor | None = None
    image_alpha: torch.Tensor | None = None
