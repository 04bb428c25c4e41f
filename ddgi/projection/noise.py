"""Stored noise pictures that may be tuned without taking up the picture (Karras et al. 2020, appendix D)."""

import torch
from torch import nn
from torch.nn import functional as F

_SMALLEST = 8       # side of the last halved copy in which neighbours are compared
WEIGHT = 1e3        # of their correlation


def noise_pictures(module: nn.Module) -> list[torch.Tensor]:
    """The stored noise [R, R] of every layer that has one; none for families without noise, such as StyleGAN3."""
    return [value for name, value in module.named_buffers() if name.endswith("noise_const")]


def noise_loss(noises: list[torch.Tensor]) -> torch.Tensor:
    """Squared correlation of neighbouring pixels, at every size down to 8 px: 0 for white noise."""
    total = noises[0].new_zeros([])
    for noise in noises:
        picture = noise[None, None]
        while True:
            total = total + sum((picture * picture.roll(1, axis)).mean().square() for axis in (2, 3))
            if picture.shape[-1] <= _SMALLEST:
                break
            picture = F.avg_pool2d(picture, 2) * 2      # the mean of four has half the deviation
    return total


@torch.no_grad()
def normalise(noises: list[torch.Tensor]) -> None:
    """Mean 0 and deviation 1 again, in place."""
    for noise in noises:
        noise -= noise.mean()
        noise *= noise.square().mean().add(1e-12).rsqrt()
