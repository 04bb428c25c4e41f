"""A marble statue: white stone with grey veins in a dark hall. Colours are lost."""

import torch
from torch import Tensor

from ..parameters import HeadParameters
from ..surface import Surface, unit
from .picture import Picture, blur, borders
from .studio import tone

_STONE = (0.86, 0.84, 0.81)
_VEIN = (0.50, 0.50, 0.54)


def light(s: Surface) -> Tensor:
    """Display colours [B, 3, N]."""
    x, y, z = s.points.unbind(1)
    normal = _carved(s)
    # Veins: thin lines where a wave through the stone, bent by slower waves, crosses zero.
    bend = (2.3 * x + 1.1 * z).sin() + 0.6 * (4.7 * y - 2.9 * x).sin() + 0.35 * (9.1 * z + 7.3 * y).sin()
    vein = (-(3.1 * (y + 0.6 * x + 0.4 * z) + 1.3 * bend).sin().square() / 0.016).exp()
    cloud = 0.5 + 0.5 * (1.7 * x - 2.2 * y + bend).sin()
    stone = torch.lerp(s.albedo.new_tensor(_STONE)[:, None], s.albedo.new_tensor(_VEIN)[:, None],
                       (0.55 * vein + 0.10 * cloud)[:, None])
    stone = stone * (0.72 + 0.28 * (_luminance(s) * 2.5).clamp(0, 1))[:, None]
    diffuse = s.diffuse(normal) * (0.4 + 0.6 * s.open_sky)
    up = normal[:, 1] * 0.5 + 0.5
    fill = (0.10 + 0.16 * up) * s.open_sky.square()
    rim = (1 - s.facing().clamp(0, 1)).pow(3) * 0.16 * s.open_sky
    warm = s.albedo.new_tensor([1.06, 1.0, 0.93])[:, None]
    cool = s.albedo.new_tensor([0.86, 0.95, 1.12])[:, None]
    gloss = 0.20 * s.gloss(30, normal) * s.shadow
    return tone(stone.pow(1.6) * (warm * (1.05 * diffuse)[:, None] + cool * fill[:, None]) + (rim + gloss)[:, None])


def _luminance(s: Surface) -> Tensor:
    """Eyes keep a trace of their drawing, as carved pupils do; all else is 1. [B, N]"""
    return torch.where(s.on("eye", "mouth"), s.albedo.clamp(0, 1).mean(1), torch.ones_like(s.shine))


def _carved(s: Surface) -> Tensor:
    """Normals with grooves in hair, [B, 3, N]."""
    x, y, z = s.points.unbind(1)
    phase = 30 * x + 9 * z + 5 * y + 1.5 * (7 * y).sin()
    groove = phase.cos() * s.on("hair", "beard", "brow")
    return unit(s.normal + 0.32 * torch.stack([groove, 0.2 * groove, 0.3 * groove], 1))


def wall(p: HeadParameters, size: int) -> Tensor:
    """A dim hall with a pool of light, [B, 3, N]."""
    line = torch.linspace(-1, 1, size, device=p.factors.device)
    radius = (line[:, None] + 0.2).square() + (line - 0.25 * p.factor("light_side")[:, None, None]).square()
    glow = 0.30 * (-radius / 0.9).exp() + 0.07
    warmth = p.factor("background_hue")[:, None]
    tint = glow.new_tensor([0.80, 0.92, 1.10]) + warmth * glow.new_tensor([0.16, 0.0, -0.16])
    return (glow.flatten(1)[:, None] * tint[..., None]).clamp(0, 1).pow(0.8)


def finish(picture: Picture) -> Tensor:
    """Grime in the creases between parts, [B, 3, R, R]."""
    picture = picture.closed()
    crease = blur(borders(picture.classes), picture.pixels(0.010, 2))
    image = picture.softened() * (1 - 0.55 * crease * picture.head)
    return picture.reduced(image)
