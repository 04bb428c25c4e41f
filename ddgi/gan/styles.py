"""Where a latent enters a generator: each w vector drives one or more layers through an affine map."""

import dataclasses

import torch
from torch import nn


@dataclasses.dataclass(frozen=True)
class StyleLayer:
    """One layer that is driven by a w vector.

    Attributes:
        index: of the w vector.
        affine: its linear layer, w_dim to one style for each channel.
        is_rgb: whether the layer makes a picture of features (ToRGB).
    """

    index: int
    affine: nn.Module
    is_rgb: bool = False

    @property
    def weight(self) -> torch.Tensor:
        """[channels, w_dim] as stored; layers of a family share one scale."""
        return self.affine.weight
