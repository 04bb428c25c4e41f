"""Pixel art: square cells, few colours, a dark outline, and a dithered backdrop."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..paint import hue
from ..parameters import HeadParameters
from ..surface import Surface
from .picture import BROWS, EYES, GLASSES, LIPS, MOUTH, Picture

CELLS = 64                                     # across the picture, where they are at least two pixels wide
_BANDS = 5
_LEVELS = 12                                   # of each colour
_BAYER = ((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5))


def light(s: Surface) -> Tensor:
    """Display colours [B, 3, N]: three tones that turn from warm light to cool shade."""
    lit = s.diffuse() * (0.4 + 0.6 * s.open_sky)
    level = (lit > 0.22).float() + (lit > 0.55).float()
    tones = s.albedo.new_tensor([[0.55, 0.50, 0.68], [0.84, 0.80, 0.88], [1.06, 1.03, 0.98]])[level.long()]
    grey = s.albedo.mean(1, keepdim=True)
    return ((grey + (s.albedo - grey) * 1.3) * tones.permute(0, 2, 1)).clamp(0, 1)


def wall(p: HeadParameters, size: int) -> Tensor:
    """Bands from top to bottom, dithered where they meet, [B, 3, N]; one pixel for each cell."""
    turn = p.factor("background_hue") * 0.5 + 0.5
    top = hue(turn, 0.50, 0.66 + 0.14 * p.factor("background_tone"))[..., None]
    low = hue((turn + 0.08).remainder(1), 0.34, 0.95)[..., None]
    place = torch.linspace(0, _BANDS, size, device=turn.device)[:, None].expand(size, size)
    rough = turn.new_tensor(_BAYER).add(0.5).div(16).repeat(size // 4 + 1, size // 4 + 1)[:size, :size]
    return torch.lerp(top, low, ((place + 0.25 + 0.5 * rough).floor() / _BANDS).clamp(0, 1).reshape(1, 1, -1))


def finish(picture: Picture) -> Tensor:
    """One colour for each cell, [B, 3, R, R]."""
    picture = picture.closed()
    final = picture.size // picture.factor
    cell = max(final // CELLS, 2)
    image, classes = _cells(picture, cell * picture.factor)
    head = (classes > 0).to(image.dtype)
    image = (image * _LEVELS).round() / _LEVELS
    rim = head * (1 + F.max_pool2d(-head, 3, 1, 1))
    image = image * (1 - 0.6 * rim)
    rows = image.shape[2]
    if picture.white:
        backdrop = torch.ones_like(image)
    else:
        backdrop = wall(picture.parameters, rows).unflatten(2, (rows, rows))
    image = torch.where(head > 0, image, backdrop)
    return image.repeat_interleave(cell, 2).repeat_interleave(cell, 3)[:, :, :final, :final]


def _cells(picture: Picture, cell: int) -> tuple[Tensor, Tensor]:
    """Colour [B, 3, H, W] and class [B, 1, H, W] of each cell: the mean of its commonest class, but for eyes."""
    size = picture.size
    spare = -size % cell
    image = F.pad(picture.image, (0, spare, 0, spare), mode="replicate")
    classes = F.pad(picture.classes[:, None].float(), (0, spare, 0, spare), mode="replicate")
    counts = F.avg_pool2d(F.one_hot(classes[:, 0].long(), 19).permute(0, 3, 1, 2).float(), cell)
    # Small parts win early, or eyes and brows would drown.
    weight = torch.ones(19, device=image.device)
    weight[[GLASSES, *EYES, *BROWS, MOUTH, *LIPS]] = 1.8
    winner = (counts * weight[:, None, None]).argmax(1, keepdim=True)
    same = (classes == winner.float().repeat_interleave(cell, 2).repeat_interleave(cell, 3)).to(image.dtype)
    mean = F.avg_pool2d(image * same, cell) / F.avg_pool2d(same, cell).clamp_min(1e-6)
    # A mean of white, iris and pupil is none of them; the most colourful pixel tells the colour of the eye.
    colourful = (image.amax(1, keepdim=True) - image.amin(1, keepdim=True)) * same
    place = F.max_pool2d(colourful, cell, return_indices=True)[1]
    vivid = torch.gather(image.flatten(2), 2, place.flatten(2).expand(-1, 3, -1)).reshape_as(mean)
    pupil = F.avg_pool2d((image.amax(1, keepdim=True) < 0.16) * same, cell) > 0.5
    eye = torch.isin(winner, torch.tensor(EYES, device=image.device))
    return torch.where(eye & ~pupil, vivid, mean), winner
