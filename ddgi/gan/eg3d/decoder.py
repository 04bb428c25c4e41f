"""The small network that turns plane features into density and colour features (Chan et al. 2022, section 4.1)."""

import torch
import torch.nn.functional as F
from torch import nn

from ..linear import init_linear

ROWS = 4096     # points that `OSGDecoder.read_rows` takes through both layers at a time: 1 MiB at width 64


class OSGDecoder(nn.Module):
    """Two equalised layers with softplus; `net.0` and `net.2` as in the public checkpoints.

    Channels come first, so that plane features and samples along rays never need a transpose.
    """

    def __init__(self, feature_channels: int, width: int, operations=nn):
        super().__init__()
        self.net = nn.ModuleDict({"0": init_linear(operations.Linear(feature_channels, width)),
                                  "2": init_linear(operations.Linear(width, 1 + feature_channels))})

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features [B, C, M] to (raw density [B, M] before its softplus, colours [B, C, M] in about 0..1)."""
        out = F.softplus(self._layer("0", features))
        out = self._layer("2", out)
        return out[:, 0], torch.sigmoid(out[:, 1:]) * (1 + 2 * 0.001) - 0.001

    def read_rows(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`forward` without gradients, of points that lie one after the other: [M, C] to ([M], [M, C]).

        It takes few at a time, so that what is between the layers stays in a CPU's caches.
        """
        (weight, bias), (last_weight, last_bias) = self._scaled("0", features), self._scaled("2", features)
        density, colours = features.new_empty(len(features)), torch.empty_like(features)
        for rows in range(0, len(features), ROWS):
            part = slice(rows, rows + ROWS)
            hidden = F.softplus(F.linear(features[part], weight, bias))
            torch.addmv(last_bias[:1], hidden, last_weight[0], out=density[part])
            torch.addmm(last_bias[1:], hidden, last_weight[1:].T, out=colours[part])
        return density, colours.sigmoid_().mul_(1 + 2 * 0.001).sub_(0.001)

    def density(self, features: torch.Tensor) -> torch.Tensor:
        """Raw density [B, M] alone."""
        hidden = F.softplus(self._layer("0", features))
        weight, bias = self._scaled("2", hidden)
        return torch.baddbmm(bias[:1, None].expand(len(hidden), 1, 1), weight[:1].expand(len(hidden), -1, -1),
                             hidden)[:, 0]

    def _scaled(self, name: str, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Equalised weight [O, I] and bias [O] of a layer, in the kind of x."""
        layer = self.net[name]
        weight = layer.weight.to(x)
        return weight * weight.shape[1] ** -0.5, layer.bias.to(x)

    def _layer(self, name: str, x: torch.Tensor) -> torch.Tensor:
        weight, bias = self._scaled(name, x)
        return torch.baddbmm(bias[:, None].expand(len(x), -1, 1), weight.expand(len(x), -1, -1), x)
