"""A watercolour: washes of pigment on white paper, darker where they dried, a loose wash behind the head."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..paint import hue, soft
from ..parameters import HeadParameters
from ..surface import Surface
from .picture import EYES, MOUTH, Picture, blur, borders, noise, thicken, wobble

_PAPER = (0.985, 0.975, 0.95)
_SHADOW = (0.62, 0.60, 0.78)                   # shadows are glazed with a thin blue


def light(s: Surface) -> Tensor:
    """Display colours [B, 3, N]: light washes in three soft steps, paper left white where it shines."""
    lit = s.diffuse() * (0.45 + 0.55 * s.open_sky)
    washes = 0.5 * soft(lit - 0.22, 0.10) + 0.5 * soft(lit - 0.58, 0.12)
    shadow = s.albedo.new_tensor(_SHADOW)[:, None]
    pigment = s.albedo.clamp(0.02, 1)
    thin = pigment.pow(0.72)                                                       # diluted with water
    colour = thin * (shadow + (1 - shadow) * washes[:, None])
    gleam = soft(s.gloss(16) - 0.62, 0.10) * (s.shine * 1.4).clamp(0, 1)
    return torch.lerp(colour, torch.ones_like(colour), (gleam * 0.6)[:, None])


def wall(p: HeadParameters, size: int) -> Tensor:
    """One wash that ends before the paper does, [B, 3, N]."""
    tint = hue(p.factor("background_hue") * 0.5 + 0.5, 0.38, 0.88 + 0.08 * p.factor("background_tone"))[..., None]
    line = torch.linspace(-1, 1, size, device=tint.device)
    x, y = line.abs().expand(size, size), line[:, None].expand(size, size)
    # Two noises mixed at an angle are a noise again, and no two heads have the same wash.
    angle = 3 * p.factor("background_tone")[:, None, None]
    edge = angle.cos() * noise(size, 7, 31, tint)[0] + angle.sin() * noise(size, 7, 34, tint)[0]
    edge = edge * 0.10 + noise(size, 23, 32, tint)[0] * 0.025
    inside = soft(0.86 - torch.maximum(x, y.abs()) + edge, 0.05)
    wet = (0.75 - 0.35 * y + 0.25 * noise(size, 4, 33, tint)[0]).clamp(0.15, 1.3)
    rim = (inside * (1 - inside) * 4) * 0.5
    return tint.clamp(0.02, 1).pow((inside * wet + rim).flatten(1)[:, None])


def finish(picture: Picture) -> Tensor:
    """Pigment on paper, [B, 3, R, R]."""
    picture = picture.closed()
    size, like = picture.size, picture.image
    eyes = picture.on(*EYES, MOUTH)
    image = wobble(torch.where(eyes, like, _washes(like, picture.pixels(0.012))), 0.003, 18, 41)
    shapes = thicken(borders(picture.classes), picture.pixels(0.004, 0.5))
    pooled = blur(shapes, picture.pixels(0.012, 2))
    grain = noise(size, 0.5 * size / picture.factor, 42, like)
    density = 1 + 0.16 * noise(size, 6, 43, like) + 0.10 * noise(size, 20, 44, like)
    density = torch.where(eyes, 1.15, density) + 0.55 * wobble(pooled, 0.003, 18, 41) + 0.10 * grain
    if picture.white:
        density = 1 + (density - 1) * picture.head
        paper = torch.ones_like(like)
    else:
        paper = like.new_tensor(_PAPER)[:, None, None] * (1 + 0.010 * grain)
    # Twice the pigment lets through the square of the light (Beer-Lambert).
    return picture.reduced((paper * image.clamp(0.01, 1).pow(density.clamp_min(0))).clamp(0, 1))


def _washes(image: Tensor, width: int) -> Tensor:
    """Kuwahara filter: every pixel takes the mean of the calmest of four neighbouring squares."""
    reach = width // 2
    padded = F.pad(image, (width - 1,) * 4, mode="replicate")
    mean = F.avg_pool2d(padded, width, 1)
    spread = (F.avg_pool2d(padded.square(), width, 1) - mean.square()).sum(1, keepdim=True)
    size = image.shape[-1]
    best = result = None
    for top in (0, 2 * reach):
        for left in (0, 2 * reach):
            calm, colour = (v[..., top:top + size, left:left + size] for v in (spread, mean))
            if best is None:
                best, result = calm, colour
            else:
                result = torch.where(calm < best, colour, result)
                best = torch.minimum(calm, best)
    return result
