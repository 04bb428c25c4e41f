"""What a render call returns."""

import dataclasses
from collections.abc import Sequence

import torch


@dataclasses.dataclass(frozen=True)
class RenderOutput:
    """Pictures of one render call; what is seen in depth only from 3D generators.

    Attributes:
        image: [B, 3, H, W], fp32, about -1 to 1.
        image_raw: [B, 3, h, w] before super-resolution, or None.
        image_depth: [B, 1, h, w] distance along the unit ray in world units, or None.
        image_alpha: [B, 1, h, w], 0..1, how much of each ray the head stops (2D: the picture's alpha channel), or None.
        labels: [B, 25], the camera of each picture, or None.
    """

    image: torch.Tensor
    image_raw: torch.Tensor | None = None
    image_depth: torch.Tensor | None = None
    image_alpha: torch.Tensor | None = None
    labels: torch.Tensor | None = None

    @classmethod
    def join(cls, outputs: Sequence["RenderOutput"]) -> "RenderOutput":
        """One output of several that hold the same fields."""
        fields = {field.name: [getattr(out, field.name) for out in outputs] for field in dataclasses.fields(cls)}
        return cls(**{name: None if values[0] is None else torch.cat(values) for name, values in fields.items()})
