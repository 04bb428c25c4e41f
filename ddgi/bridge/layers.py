"""Building blocks shared by M and T."""

import math

import torch
from torch import nn
from torch.nn import functional as F

LEAKY_SLOPE = 0.2


class EqualizedLinear(nn.Module):
    """Linear layer whose weights are stored at unit variance and scaled at run time (StyleGAN, section 4.1)."""

    def __init__(self, in_features: int, out_features: int, *, bias: float = 0.0, zero: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(out_features, in_features) if zero
                                   else torch.randn(out_features, in_features))
        self.bias = nn.Parameter(torch.full((out_features,), float(bias)))
        self.scale = 1 / math.sqrt(in_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.weight.to(x.dtype) * self.scale, self.bias.to(x.dtype))


class MapToStyle(nn.Module):
    """pSp's map2style: stride-2 convolutions down to 1x1, then a linear layer (Richardson et al. 2021, fig. 2).

    Args:
        in_channels: channels of the incoming map.
        channels: output width of each stride-2 convolution; the map's side is 2 ** len(channels).
        num_ws, w_dim: shape of the result.
        bias: start value of every output; with `zero` the layer starts exactly there.
    """

    def __init__(self, in_channels: int, channels: tuple[int, ...], num_ws: int, w_dim: int, *,
                 bias: float = 0.0, zero: bool = False, operations=nn):
        super().__init__()
        widths = (in_channels, *channels)
        self.convs = nn.ModuleList(operations.Conv2d(a, b, 3, stride=2, padding=1)
                                   for a, b in zip(widths, widths[1:]))
        self.linear = EqualizedLinear(widths[-1], num_ws * w_dim, bias=bias, zero=zero)
        self.num_ws = num_ws

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, C, S, S] -> [B, num_ws, w_dim]."""
        for conv in self.convs:
            x = F.leaky_relu(conv(x), LEAKY_SLOPE)
        return self.linear(x.flatten(1)).unflatten(1, (self.num_ws, -1))


def resize(x: torch.Tensor, size: int) -> torch.Tensor:
    """Bring a map [B, C, h, w] of any aspect to [B, C, size, size] (antialiased when it shrinks)."""
    if x.shape[-2:] == (size, size):
        return x
    return F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False,
                         antialias=max(x.shape[-2:]) > size)
