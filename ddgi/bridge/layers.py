"""Building blocks shared by M and T."""

import math

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

LEAKY_SLOPE = 0.2
LONGEST_PERIOD = 10_000  # of the sines that embed a timestep


class EqualizedLinear(nn.Module):
    """Linear layer whose weights are stored at unit variance and scaled at run time (StyleGAN, section 4.1)."""

    def __init__(self, in_features: int, out_features: int, *, bias: float = 0.0, zero: bool = False):
        super().__init__()
        weight = torch.zeros(out_features, in_features)
        if not zero and not weight.is_meta:  # where shapes alone are asked for, a draw would cost seconds of imports
            weight.normal_()
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.full((out_features,), float(bias)))
        self.scale = 1 / math.sqrt(in_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.weight.to(x.dtype) * self.scale, self.bias.to(x.dtype))


def embed_timestep(timestep: torch.Tensor, channels: int) -> torch.Tensor:
    """Sines and cosines of t, as Transformers embed positions (Vaswani et al. 2017, section 3.5; Ho et al. 2020).

    timestep: [B], 0..999 in Stable Diffusion. channels: even. -> [B, channels] in -1..1, the cosines first.
    """
    share = torch.arange(channels // 2, device=timestep.device) / (channels // 2)
    angles = rearrange(timestep, "b -> b 1") * LONGEST_PERIOD ** -share
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class TimestepModulation(nn.Module):
    """x * (1 + scale(t)) + shift(t): what a head makes of its features depends on the denoising step [D].

    The paper trains one pair of M and T across all t and shows no such input. It begins as the identity.
    """

    def __init__(self, features: int, channels: int, operations=nn):
        super().__init__()
        self.channels = channels
        self.first = operations.Linear(channels, channels)
        self.second = EqualizedLinear(channels, 2 * features, zero=True)

    def forward(self, x: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """x: [B, features], timestep: [B] -> [B, features]."""
        hidden = F.leaky_relu(self.first(embed_timestep(timestep, self.channels).to(x.dtype)), LEAKY_SLOPE)
        scale, shift = self.second(hidden).chunk(2, dim=1)
        return x * (1 + scale) + shift


class MapToStyle(nn.Module):
    """pSp's map2style: stride-2 convolutions down to 1x1, then a linear layer (Richardson et al. 2021, fig. 2).

    Args:
        in_channels: channels of the incoming map.
        channels: output width of each stride-2 convolution; the map's side is 2 ** len(channels).
        num_ws, w_dim: shape of the result.
        bias: start value of every output; with `zero` the layer starts exactly there.
        timestep_channels: width of the timestep's embedding; 0: the head does not read the timestep.
    """

    def __init__(self, in_channels: int, channels: tuple[int, ...], num_ws: int, w_dim: int, *,
                 bias: float = 0.0, zero: bool = False, timestep_channels: int = 0, operations=nn):
        super().__init__()
        widths = (in_channels, *channels)
        self.convs = nn.ModuleList(operations.Conv2d(a, b, 3, stride=2, padding=1)
                                   for a, b in zip(widths, widths[1:]))
        self.linear = EqualizedLinear(widths[-1], num_ws * w_dim, bias=bias, zero=zero)
        self.timestep = TimestepModulation(widths[-1], timestep_channels, operations) if timestep_channels else None
        self.num_ws = num_ws

    def forward(self, x: torch.Tensor, timestep: torch.Tensor | None = None) -> torch.Tensor:
        """[B, C, S, S], and [B] where the head reads the timestep -> [B, num_ws, w_dim]."""
        for conv in self.convs:
            x = F.leaky_relu(conv(x), LEAKY_SLOPE)
        x = rearrange(x, "b c 1 1 -> b c")
        if self.timestep is not None:
            x = self.timestep(x, timestep)
        return rearrange(self.linear(x), "b (n c) -> b n c", n=self.num_ws)
