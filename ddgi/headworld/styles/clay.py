"""A clay figure: matt modelling clay with thumb marks before a quiet paper backdrop."""

import torch
from torch import Tensor

from ..paint import soft
from ..parameters import HeadParameters
from ..surface import Surface, unit
from .picture import Picture, blur, borders
from .studio import tone

_CLAY = (0.84, 0.50, 0.35)


def light(s: Surface) -> Tensor:
    """Display colours [B, 3, N]."""
    eye = s.on("eye")
    normal = torch.where(eye[:, None], s.normal, _dented(s))
    # Skin is bare clay; what is glazed keeps its colour.
    hair, bare = s.on("hair", "beard", "brow"), s.on("skin", "ear", "neck")
    share = torch.where(bare, 0.92, torch.where(eye, 0.05, torch.where(hair, 0.12, 0.30)))[:, None]
    mixed = torch.lerp(s.albedo.clamp(0.06, 0.90), s.albedo.new_tensor(_CLAY)[:, None].expand_as(s.albedo), share)
    albedo = mixed.pow(2.2) * torch.where(eye, 1, _speckled(s.points))[:, None]
    diffuse = s.diffuse(normal) * (0.35 + 0.65 * s.open_sky)
    up = normal[:, 1] * 0.5 + 0.5
    ambient = (0.16 + 0.30 * up) * s.open_sky
    warm = s.albedo.new_tensor([1.10, 1.0, 0.84])[:, None]
    sheen = 0.06 * s.gloss(7, normal) * s.shadow
    return tone(albedo * (warm * (1.15 * diffuse)[:, None] + ambient[:, None]) + sheen[:, None])


def _speckled(points: Tensor) -> Tensor:
    """Dark grains of sand in the clay: a factor [B, N]."""
    x, y, z = points.unbind(1)
    grain = (61 * x + 5 * (9 * y).sin() + 23 * z).sin() * (67 * y + 5 * (11 * z).sin()).sin()
    return 1 - 0.30 * soft(grain * (53 * z + 41 * x + 4 * (7 * y).sin()).sin() - 0.66, 0.12)


def _dented(s: Surface) -> Tensor:
    """Normals with lumps from fingers and the fine ridges of their prints, [B, 3, N]."""
    x, y, z = s.points.unbind(1)
    a, b, c = 8 * x + 2 * (5 * y).sin(), 9 * y + 2 * (4 * z).sin(), 8 * z + 2 * (6 * x).sin()
    lumps = torch.stack([a.cos() * b.sin(), b.cos() * c.sin(), c.cos() * a.sin()], 1)
    swirl = 95 * (y + 0.3 * (4 * x + 2 * z).sin()) + 20 * (x * 2.5).sin()
    ridges = swirl.cos() * ((5.3 * x + 1).sin() * (4.1 * y - 2).sin() + (3 * z).sin() * 0.5 > 0.25)
    return unit(s.normal + 0.42 * lumps + 0.10 * torch.stack([0.2 * ridges, ridges, 0.2 * ridges], 1))


def wall(p: HeadParameters, size: int) -> Tensor:
    """Coloured paper that curves from table to wall, [B, 3, N]."""
    line = torch.linspace(-1, 1, size, device=p.factors.device)
    x, y = line.expand(size, size), line[:, None].expand(size, size)
    shade = (0.90 - 0.16 * (x.square() + (y + 0.3).square())).reshape(1, 1, -1)
    warmth = p.factor("background_hue")[:, None]
    tint = shade.new_tensor([0.70, 0.78, 0.76]) + warmth * shade.new_tensor([-0.08, 0.0, 0.12])
    return (tint[..., None] * shade * (0.92 + 0.10 * p.factor("background_tone")[:, None, None])).clamp(0, 1)


def finish(picture: Picture) -> Tensor:
    """Seams where pieces were pressed together, [B, 3, R, R]."""
    picture = picture.closed()
    seam = blur(borders(picture.classes), picture.pixels(0.008, 2))
    return picture.reduced(picture.softened() * (1 - 0.35 * seam * picture.head))
