"""A pencil drawing: graphite lines and hatching on paper. Colours are lost, dark and light stay."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..paint import soft
from ..parameters import HeadParameters
from ..surface import Surface
from .picture import EYES, GLASSES, MOUTH, Picture, blur, borders, creases, noise, under_nose, wobble

_PAPER = (0.965, 0.955, 0.93)
_GRAPHITE = (0.17, 0.17, 0.19)
# Hatching: angle in degrees, darkness from which it appears, strength.
_HATCHES = ((38, 0.14, 0.55), (-24, 0.40, 0.55), (76, 0.62, 0.6))


def light(s: Surface) -> Tensor:
    """Grey display colours [B, 3, N]: how light the drawing is to be there."""
    luminance = (s.albedo.clamp(0, 1) * s.albedo.new_tensor([0.30, 0.59, 0.11])[:, None]).sum(1)
    luminance = torch.where(s.on("glasses"), 0.02, luminance)
    value = 0.20 + 0.80 * luminance.clamp(0, 1).pow(0.6)
    shade = 0.34 + 0.74 * s.diffuse() * (0.5 + 0.5 * s.open_sky) + 0.10 * s.open_sky
    bright = value * shade + 0.35 * s.gloss(20) * s.shine
    return torch.where(s.on("eye", "mouth"), luminance.sqrt(), bright).clamp(0, 1)[:, None].expand(-1, 3, -1)


def wall(p: HeadParameters, size: int) -> Tensor:
    """Paper with a shadow to hatch on the side away from the light, [B, 3, N]."""
    line = torch.linspace(-1, 1, size, device=p.factors.device)
    side = -p.factor("light_side").sign()[:, None, None]
    x, y = line.expand(size, size), line[:, None].expand(size, size)
    patch = (-((x - 0.55 * side).square() / 0.16 + (y - 0.25).square() / 0.5)).exp()
    return (1 - 0.42 * patch).flatten(1)[:, None].expand(-1, 3, -1)


def finish(picture: Picture) -> Tensor:
    """Lines and hatching on paper, [B, 3, R, R]."""
    picture = picture.closed()
    like, bright = picture.image, picture.image[:, :1]
    dark = 1 - blur(bright, picture.pixels(0.008))
    strokes = torch.zeros_like(dark)
    for layer, (angle, start, strength) in enumerate(_HATCHES):
        strokes = strokes + _hatch(picture, angle, layer) * strength * soft(dark - start - 0.12, 0.16)
    hatched = 0.42 * dark.square() + strokes * (0.28 + 0.5 * dark)
    graphite = torch.where(picture.on(*EYES, MOUTH), 1 - bright, hatched) + wobble(_lines(picture), 0.0025, 14, 13)
    tooth = noise(picture.size, 0.75 * picture.size / picture.factor, 11, like)
    pressure = 1 + 0.22 * noise(picture.size, 9, 12, like)
    graphite = (graphite * pressure * (1 + 0.16 * tooth)).clamp(0, 1)
    paper = like.new_tensor(_PAPER)[:, None, None] * (1 + 0.012 * tooth)
    if picture.white:
        graphite = graphite * blur(picture.head, 3)
        paper = torch.lerp(torch.ones_like(paper), paper, picture.head)
    return picture.reduced(torch.lerp(paper, like.new_tensor(_GRAPHITE)[:, None, None], graphite).clamp(0, 1))


def _lines(picture: Picture) -> Tensor:
    """Outlines and the darkest details, [B, 1, S, S] in 0..1."""
    bright = picture.image[:, :1]
    shapes = borders(picture.classes) + creases(picture.depth) + under_nose(picture.classes)
    # A frame is a line already; drawn around, it would hide the eyes in small pictures.
    shapes = shapes.clamp(0, 1) * (1 - F.max_pool2d(picture.on(GLASSES).to(bright.dtype), 3, 1, 1))
    outlines = (blur(shapes, picture.pixels(0.008)) * 1.9 - 0.15).clamp(0, 0.9)
    details = (blur(bright, picture.pixels(0.012)) - bright).clamp_min(0) * 2.2         # lashes, strands, freckles
    return torch.maximum(outlines, details)


def _hatch(picture: Picture, angle: float, layer: int) -> Tensor:
    """Parallel strokes [1, 1, S, S] in 0..1, about 45 across the picture, or 3 final pixels apart."""
    size = picture.size
    period = max(size / 45, 3.2 * picture.factor)
    place = torch.arange(size, device=picture.image.device, dtype=picture.image.dtype)
    across = place * math.cos(math.radians(angle)) + place[:, None] * math.sin(math.radians(angle))
    bend = noise(size, 5, 20 + layer, picture.image) * 0.5 * period
    # Where strokes are few pixels apart they would hide what is drawn; there they become a tone.
    contrast = min(0.5, 0.0035 * size / picture.factor)
    return ((across + bend) * (2 * math.pi / period)).cos() * contrast + 0.5
