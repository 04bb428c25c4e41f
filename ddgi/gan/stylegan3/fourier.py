"""The input of StyleGAN3: a map of sine waves that can be moved and turned (Karras et al. 2021, section 3.2)."""

import math

import torch
from einops import rearrange
from torch import nn

from ..linear import equalised_linear, init_linear
from .schedule import Signal


def movement(translate_x: float, translate_y: float, rotation: float) -> torch.Tensor:
    """The matrix [3, 3] that lets the input show a picture moved so.

    It is the inverse of the movement [[cos, sin, x], [-sin, cos, y], [0, 0, 1]] of points.

    Args:
        translate_x, translate_y: in picture widths, to the right and down.
        rotation: degrees counter-clockwise.
    """
    angle = math.radians(rotation)
    cos, sin = math.cos(angle), math.sin(angle)
    moved = torch.tensor([[cos, sin, translate_x], [-sin, cos, translate_y], [0, 0, 1]], dtype=torch.float64)
    return torch.linalg.inv(moved).float()


class FourierInput(nn.Module):
    """w to features [B, C, size, size]: sine waves up to the cutoff, placed by w and by a transform.

    `transform` [3, 3] maps places in the picture to places in the waves; a file may hold a moved one.
    """

    def __init__(self, w_dim: int, signal: Signal, operations=nn):
        super().__init__()
        self.size, self.rate, self.cutoff = signal.size, signal.rate, signal.cutoff
        channels = signal.channels
        directions = torch.randn(channels, 2)
        radius = directions.norm(dim=1, keepdim=True)
        self.weight = nn.Parameter(torch.randn(channels, channels))
        self.affine = init_linear(operations.Linear(w_dim, 4))
        nn.init.zeros_(self.affine.weight)
        with torch.no_grad():
            self.affine.bias.copy_(torch.tensor([1.0, 0, 0, 0]))
        self.register_buffer("freqs", directions / radius * torch.exp(-radius.square() / 4) * signal.cutoff)
        self.register_buffer("phases", torch.rand(channels) - 0.5)
        self.register_buffer("transform", torch.eye(3))

    def forward(self, w: torch.Tensor, moved: torch.Tensor | None = None) -> torch.Tensor:
        """w [B, w_dim] and a further movement [3, 3] (see `movement`) to [B, C, size, size], fp32."""
        transform = self._pose(w) @ (self.transform if moved is None else self.transform @ moved.to(self.transform))
        freqs = self.freqs @ transform[:, :2, :2]                                       # [B, C, 2]
        phases = self.phases + (self.freqs @ transform[:, :2, 2:])[..., 0]              # [B, C]
        # Waves that a transform lifts over the band limit fade out.
        room = (freqs.norm(dim=2) - self.cutoff) / (self.rate / 2 - self.cutoff)
        amplitudes = (1 - room).clamp(0, 1)
        place = (torch.arange(self.size, device=w.device) + 0.5 - self.size / 2) / self.rate
        waves = rearrange(freqs[..., 0], "b c -> b 1 1 c") * rearrange(place, "x -> 1 1 x 1")
        waves = waves + rearrange(freqs[..., 1], "b c -> b 1 1 c") * rearrange(place, "y -> 1 y 1 1")
        waves = torch.sin((waves + phases[:, None, None]) * (2 * math.pi)) * amplitudes[:, None, None]
        weight = self.weight.t() * self.weight.shape[0] ** -0.5
        return rearrange(waves @ weight, "b y x c -> b c y x")

    def _pose(self, w: torch.Tensor) -> torch.Tensor:
        """Where w wants the picture: a rotation after a translation, [B, 3, 3]."""
        pose = equalised_linear(self.affine, w).float()
        cos, sin, x, y = (pose / pose[:, :2].norm(dim=1, keepdim=True)).unbind(1)
        zero, one = torch.zeros_like(x), torch.ones_like(x)
        rotation = torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], 1).unflatten(1, (3, 3))
        translation = torch.stack([one, zero, -x, zero, one, -y, zero, zero, one], 1).unflatten(1, (3, 3))
        return rotation @ translation
