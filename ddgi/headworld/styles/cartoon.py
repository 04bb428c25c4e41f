"""A cartoon: flat colours in two tones, ink along the shapes, a bright disc behind the head."""

import torch
from torch import Tensor

from ..paint import hue, soft
from ..parameters import HeadParameters
from ..surface import Surface
from .picture import BROWS, LIPS, Picture, borders, creases, thicken, under_nose

_SHADE = (0.66, 0.60, 0.76)                    # colour of the second tone: cool, as in print
_INK = (0.09, 0.05, 0.09)


def light(s: Surface) -> Tensor:
    """Display colours [B, 3, N] in two tones, with a hard highlight on what shines."""
    grey = s.albedo.mean(1, keepdim=True)
    flat = (grey + (s.albedo - grey) * 1.25 + 0.05).clamp(0, 1)
    own = s.on("eye", "mouth")                                                     # whites and teeth stay bright
    lit = torch.maximum(soft(s.diffuse() * (0.4 + 0.6 * s.open_sky) - 0.36, 0.03), own.to(flat.dtype))[:, None]
    shade = s.albedo.new_tensor(_SHADE)[:, None]
    colour = flat * (shade + (1 - shade) * lit)
    gleam = soft(s.gloss(14) - 0.72, 0.04) * (s.shine > 0.25) * ~own
    return torch.lerp(colour, colour * 0.55 + 0.45, (gleam * 0.8)[:, None])


def wall(p: HeadParameters, size: int) -> Tensor:
    """A flat colour with a paler disc behind the head, [B, 3, N]."""
    turn = p.factor("background_hue") * 0.5 + 0.5
    paint, disc = hue(turn, 0.55, 0.92 + 0.06 * p.factor("background_tone")), hue(turn, 0.24, 1.0)
    line = torch.linspace(-1, 1, size, device=turn.device)
    radius = ((line[:, None] + 0.08).square() + line.square()).sqrt().reshape(1, -1)
    return torch.lerp(paint[..., None], disc[..., None], soft(0.80 - radius, 1.2 / size)[:, None])


def finish(picture: Picture) -> Tensor:
    """Ink over the picture: a heavy line around the head, lighter ones within, [B, 3, R, R]."""
    picture = picture.closed()
    # Brows and lips stand for themselves; a line around them would make masks of them.
    classes = picture.classes
    inner = torch.maximum(borders(classes, *BROWS, *LIPS), under_nose(classes))
    fine = thicken(torch.maximum(inner, creases(picture.depth)), picture.pixels(0.010, 0.5))
    outline = thicken(borders((classes > 0).to(torch.uint8)), picture.pixels(0.017))
    ink = torch.maximum(fine, outline)
    image = torch.lerp(picture.softened(), picture.image.new_tensor(_INK)[:, None, None], ink)
    return picture.reduced(image)
