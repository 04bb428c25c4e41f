"""Losses shared by the stages; images are [B, 3, H, W] in [-1, 1]."""

from collections.abc import Callable, Sequence

import torch
from torch.nn import functional as F

Features = Callable[[torch.Tensor], Sequence[torch.Tensor]]
# Pictures a and b [B, 3, H, W] to distances [B], with gradients for a.
Distance = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def resized(pictures: torch.Tensor, side: int) -> torch.Tensor:
    """Pictures [B, 3, R, R] as [B, 3, side, side]."""
    if pictures.shape[-1] == side:
        return pictures
    return F.interpolate(pictures, size=(side, side), mode="bilinear", antialias=pictures.shape[-1] > side)


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


def feature_distance(features: Features, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """LPIPS-like distance [B]: squared difference of channel-normalised features, summed over layers.

    Source: Zhang et al. 2018 (LPIPS), eq. 1, with all channel weights one.
    """
    with torch.no_grad():
        targets = features(b)
    return sum((F.normalize(x, dim=1) - F.normalize(y, dim=1)).square().sum(1).mean((1, 2))
               for x, y in zip(features(a), targets))


def encoder_features(encoder: torch.nn.Module) -> Features:
    """Feature maps of a VAE encoder's levels: a perceptual loss that needs no download.

    `encoder` has the structure of the Stable Diffusion VAE encoder: `conv_in`, then `down[i]`
    with `block` and (but for the last) `downsample`.
    """
    def features(image: torch.Tensor) -> list[torch.Tensor]:
        x, maps = encoder.conv_in(image), []
        for index, level in enumerate(encoder.down):
            for block in level.block:
                x = block(x, None)
            maps.append(x)
            if index + 1 < len(encoder.down):
                x = level.downsample(x)
        return maps
    return features


def r1_penalty(discriminator: torch.nn.Module, real: torch.Tensor) -> torch.Tensor:
    """Squared gradient norm of the critic at real images, mean over the batch (Mescheder et al. 2018)."""
    real = real.detach().requires_grad_(True)
    score = discriminator(real)
    gradient, = torch.autograd.grad(score.sum(), real, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()
