"""Class numbers: grey pictures whose values are 0 to 18, of 8 or 16 bits, smoothed or not."""

import numpy as np
import torch

from ..palette import CLASS_NAMES
from ..pictures import fill_nearest
from .edges import areas_to_keep

LAST = len(CLASS_NAMES) - 1
_WHOLE = 0.25           # how far a class number may be from a whole one; 8 bits through 16 are off by 0.07
# Of pixels along borders, those between their two sides: at most 6 % in masks as they were drawn, at least 12 % in
# smoothed ones (42 masks of 64 to 256 pixels, in both orders of numbers, resized in six ways).
_SMOOTHED = 0.09
_AREAS = 0.25           # share of pixels inside areas that any drawn mask has


def is_grey(pixels: np.ndarray) -> bool:
    """Whether the channels of [H, W, 3] in 0..1 are equal."""
    return bool((np.abs(pixels - pixels[..., :1]) * 255 < 0.5).all())


def is_dark_grey(pixels: np.ndarray) -> bool:
    """Whether [H, W, 3] in 0..1 can be class numbers."""
    return is_grey(pixels) and pixels.max(initial=0) * 255 < LAST + 0.5


def class_levels(pixels: np.ndarray) -> np.ndarray:
    """The values [H, W] of grey [H, W, 3] in 0..1 as class numbers: of 65535 where all are that dark, else of 255."""
    return pixels[..., 0] * (65535 if pixels.max(initial=0) * 65535 < LAST + 0.5 else 255)


def clear_numbers(levels: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Class numbers uint8 [H, W] of levels [H, W], the share of unclear pixels, and the share of strange ones.

    Unclear pixels took the number of the nearest clear one: values that are not whole, and all along borders where the
    mask was smoothed, since between hair and background lie the numbers of lips and eyes. Strange ones are not whole
    and no mixtures of two beside them either.
    """
    numbers = levels.round()
    unclear = broken = np.abs(levels - numbers) > _WHOLE
    around = _neighbours(levels, 1)
    border = around.max(0) - around.min(0) >= 2
    between = _between(levels, 1)
    if border.any() and 1 - border.mean() >= _AREAS and between[border].mean() > _SMOOTHED:
        clear = ~(unclear | between | _between(levels, 2))
        unclear = ~areas_to_keep(numbers, clear, clear)
    numbers = numbers.clip(0, LAST).astype(np.uint8)
    if unclear.any() and not unclear.all():
        numbers = fill_nearest(torch.from_numpy(numbers), torch.from_numpy(unclear)).numpy()
    return numbers, float(unclear.mean()), float((broken & ~between).mean())


def _neighbours(levels: np.ndarray, reach: int) -> np.ndarray:
    """The eight values `reach` pixels around each, opposite ones four rows apart: [8, H, W]; edges are repeated."""
    padded = np.pad(levels, reach, mode="edge")
    height, width = levels.shape
    steps = ((0, 1), (1, 0), (1, 1), (1, -1), (0, -1), (-1, 0), (-1, -1), (-1, 1))
    return np.stack([padded[reach * (1 + down):reach * (1 + down) + height,
                            reach * (1 + right):reach * (1 + right) + width] for down, right in steps])


def _between(levels: np.ndarray, reach: int) -> np.ndarray:
    """Pixels bool [H, W] whose level lies between those on two opposite sides."""
    around = _neighbours(levels, reach)
    one, other = around[:4], around[4:]
    return ((levels > np.minimum(one, other)) & (levels < np.maximum(one, other))).any(0)
