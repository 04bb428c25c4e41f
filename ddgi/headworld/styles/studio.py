"""The studio look: soft lights on glossy toys before a lit wall."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..paint import hue
from ..parameters import HeadParameters
from ..surface import Surface
from .picture import Picture


def light(s: Surface) -> Tensor:
    """Display colours [B, 3, N]."""
    albedo = s.albedo.clamp(0, 1).pow(2.2)
    diffuse = s.diffuse()
    up = s.normal[:, 1] * 0.5 + 0.5
    ambient = (s.lights.ground + (s.lights.sky - s.lights.ground) * up[:, None]) * (0.62 * s.open_sky)[:, None]
    rim = (1 - s.facing().clamp(0, 1)).pow(3) * (up * 0.7 + 0.15) * s.open_sky
    gloss = s.gloss(38) * s.shine * s.shadow
    matt = albedo * (s.lights.key_colour * (1.05 * diffuse)[:, None] + ambient)
    return tone(matt + (0.22 * rim + 0.55 * gloss)[:, None])


def tone(linear: Tensor) -> Tensor:
    """Linear light to display values: a soft shoulder above 0.8, then gamma 2.2."""
    bright = 0.8 + 0.35 * (1 - (-(linear - 0.8).clamp_min(0) / 0.35).exp())
    return torch.where(linear > 0.8, bright, linear).clamp(1e-5, 1).pow(1 / 2.2)


def wall(p: HeadParameters, size: int) -> Tensor:
    """A lit studio wall [B, 3, N]: a pale tint, brighter behind the head."""
    tint = hue(p.factor("background_hue") * 0.5 + 0.5, 0.34, 0.76 + 0.20 * p.factor("background_tone"))
    line = torch.linspace(-1, 1, size, device=tint.device)
    radius = (line[:, None] + 0.15).square() + line.square()
    glow = 1.10 - 0.32 * radius.reshape(1, 1, -1) * 0.7
    return (tint[..., None] * glow).clamp(0, 1)


def finish(picture: Picture) -> Tensor:
    """The final picture [B, 3, R, R]: pooled, or with softened borders where it was drawn at its own size."""
    if picture.factor > 1:
        return F.avg_pool2d(picture.image, picture.factor)
    return picture.softened()
