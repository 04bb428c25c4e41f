"""Class colours: the palettes in use, the nearest class of a colour, and whether a picture is made of class colours."""

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..palette import PALETTE
from ..pictures import image_from_bytes

PALETTES = ("CelebAMask-HQ", "MaskGAN drawing tool")
TOLERANCE = 24          # largest channel difference; class colours are 51 or more apart
_LOOKED_AT = 256        # pixels a side that tell a picture in class colours from a photograph


def _drawing_tool() -> np.ndarray:
    """The colours on the brushes of MaskGAN's drawing tool: eyes and ears swapped, another right brow."""
    palette = PALETTE.copy()
    palette[[4, 5, 8, 9]] = PALETTE[[5, 4, 9, 8]]
    palette[7] = (51, 255, 255)
    return palette


_COLOURS = {"CelebAMask-HQ": PALETTE, "MaskGAN drawing tool": _drawing_tool()}


def colour_table(palette: str) -> tuple[np.ndarray, np.ndarray]:
    """Colours uint8 [K, 3] that are read and their classes uint8 [K]; the drawing tool's beside the standard brow."""
    if palette not in _COLOURS:
        raise InputError(f"There is no palette {palette!r}; choose one of {', '.join(PALETTES)}.")
    colours, classes = _COLOURS[palette], np.arange(len(PALETTE), dtype=np.uint8)
    if palette == PALETTES[0]:
        return colours, classes
    return np.concatenate([colours, PALETTE[7:8]]), np.append(classes, np.uint8(7))


def mask_to_hint(indices: Tensor, palette: str = PALETTES[0]) -> Tensor:
    """Class numbers [B, H, W] to the colour hint [B, H, W, 3], fp32 in 0..1."""
    return image_from_bytes(torch.from_numpy(_COLOURS[palette][indices.numpy()]))


def packed(colours: np.ndarray) -> np.ndarray:
    """RGB uint8 [..., 3] as one number each, int32 [...]."""
    red, green, blue = np.moveaxis(colours.astype(np.int32), -1, 0)
    return red << 16 | green << 8 | blue


def exact_classes(pixels: np.ndarray, table: tuple[np.ndarray, np.ndarray]) -> np.ndarray | None:
    """Classes uint8 [H, W] where every pixel of RGB uint8 [H, W, 3] has a class colour exactly, else None."""
    known = packed(table[0])
    order = known.argsort()
    numbers = packed(pixels)
    place = order[known[order].searchsorted(numbers).clip(max=len(known) - 1)]
    return table[1][place] if (known[place] == numbers).all() else None


def nearest_classes(pixels: np.ndarray, table: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Classes uint8 [H, W] of the nearest colours of RGB uint8 [H, W, 3], and how far those are (largest channel)."""
    numbers, place = np.unique(packed(pixels), return_inverse=True)
    colours = np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], -1).astype(np.int16)
    distance = np.abs(colours[:, None] - table[0][None].astype(np.int16)).max(-1)
    place = place.reshape(pixels.shape[:2])
    return table[1][distance.argmin(1)][place], distance.min(1)[place]


def is_class_picture(pixels: np.ndarray) -> bool:
    """Whether RGB uint8 [H, W, 3] is a face mask, in class colours or in dark grey class numbers, and so no face.

    Three of four pixels that are not background have a class colour; smoothed borders and JPEG are tolerated.
    """
    step = max(1, max(pixels.shape[:2]) // _LOOKED_AT)
    classes, distance = nearest_classes(pixels[::step, ::step], colour_table(PALETTES[0]))
    drawn = (classes != 0) | (distance > TOLERANCE)
    if not drawn.any():
        return True
    return bool((distance[drawn] <= TOLERANCE).mean() >= 0.75)
