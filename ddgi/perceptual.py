"""How alike two pictures look: distances of colours and edges, of feature maps or of a given network."""

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional as F

# Pictures [B, 3, R, R] in -1..1 to feature maps [B, C, h, w], finest first.
Features = Callable[[torch.Tensor], Sequence[torch.Tensor]]
# Pictures a and b [B, 3, R, R] in -1..1 to distances [B], with gradients for a.
Distance = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
SMALLEST = 8    # side of the last copies that `pyramid_distance` compares


def feature_distance(features: Features, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """LPIPS-like distance [B]: squared difference of channel-normalised features, summed over layers.

    Source: Zhang et al. 2018 (LPIPS), eq. 1, with all channel weights one.
    """
    with torch.no_grad():
        targets = features(b)
    return sum((F.normalize(x, dim=1) - F.normalize(y, dim=1)).square().sum(1).mean((1, 2))
               for x, y in zip(features(a), targets))


def pyramid_distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Distance [B] that needs no network: colours and edges of both pictures at every size down to 8 px.

    Mean absolute differences of the pictures and of their differences between neighbouring pixels, summed over halved
    copies (a Laplacian-like pyramid: Burt and Adelson 1983). Coarse sizes see where things are, fine ones how sharp.
    """
    total = 0.0
    while True:
        edges = [(x[..., 1:, :-1] - x[..., :-1, :-1], x[..., :-1, 1:] - x[..., :-1, :-1]) for x in (a, b)]
        total = total + (a - b).abs().mean((1, 2, 3))
        total = total + sum((x - y).abs().mean((1, 2, 3)) for x, y in zip(*edges))
        if min(a.shape[-2:]) < 2 * SMALLEST:
            return total
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)


def encoder_features(encoder: nn.Module) -> Features:
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
