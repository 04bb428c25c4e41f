"""Masks that were smoothed, enlarged or saved as JPEG: between two class colours lie colours of other classes.

Only clear pixels keep their class. The others take the class of the nearest clear pixel, so that a smoothed border
becomes a sharp one in its middle, without parts that nobody drew.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from ..pictures import fill_nearest
from .colours import TOLERANCE, nearest_classes, packed

# Found with 42 masks of 64 to 256 pixels, blurred, resized and as JPEG and WebP of quality 50 to 95: hardly any class
# that was not drawn is left, and few small parts are lost.
_FLAT = 8               # largest channel difference of neighbours inside an area
_QUIET = 48             # the same where JPEG has added its noise
_REACH = (1, 2, 4)      # pixels to both sides in which the two colours of a border are looked for
_APART = 60             # distance of two colours that can have a border
_OFF = 14               # distance of a mixed colour from the line between the two
_SHARE = 0.12           # a mixed colour has at least this share of each
_SMALLEST = 3           # pixels of an area that is no speck
_CLOSE = 4              # distance from its colour that a small area without a quiet pixel may have


@dataclass(frozen=True)
class Cleared:
    """What came of a mask's colours.

    Attributes:
        classes: uint8 [H, W].
        unclear: share of pixels that took the class of another.
        strange: share of pixels in colours of no class that are no mixtures of two beside them either.
        foreign: share of those that are no noise along borders, but areas.
        colour: the commonest of these, RGB; None where there are none.
    """

    classes: np.ndarray
    unclear: float
    strange: float
    foreign: float
    colour: tuple[int, int, int] | None


def clear_classes(pixels: np.ndarray, table: tuple[np.ndarray, np.ndarray]) -> Cleared:
    """The classes of RGB uint8 [H, W, 3] in the colours of `table` (see `colours.colour_table`)."""
    classes, distance = nearest_classes(pixels, table)
    change = _change(pixels)
    known = distance <= TOLERANCE
    mixed = _mixed(pixels, change > _FLAT)
    strange = ~known & ~mixed
    foreign = strange & (change <= 2 * _FLAT)
    clear = areas_to_keep(classes, known & ~mixed, (distance <= _CLOSE) | (change <= _QUIET))
    if clear.any():
        classes = fill_nearest(torch.from_numpy(classes), torch.from_numpy(~clear)).numpy()
    return Cleared(classes, float((~known | mixed).mean()), float(strange.mean()), float(foreign.mean()),
                   _commonest(pixels[foreign if foreign.any() else strange]))


def _change(pixels: np.ndarray) -> np.ndarray:
    """Largest channel difference uint8 [H, W] within the 3 x 3 pixels around each."""
    size = (3, 3, 1)
    return (ndimage.maximum_filter(pixels, size) - ndimage.minimum_filter(pixels, size)).max(-1)


def _mixed(pixels: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Pixels bool [H, W] under `where` whose colour lies between those on two opposite sides: a smoothed border."""
    rows, columns = np.nonzero(where)
    height, width = where.shape
    middle = pixels[rows, columns].astype(np.float32)
    found = np.zeros(len(rows), dtype=bool)
    for reach in _REACH:
        for down, right in ((0, reach), (reach, 0), (reach, reach), (reach, -reach)):
            one, other = (pixels[(rows + sign * down).clip(0, height - 1), (columns + sign * right).clip(0, width - 1)]
                          .astype(np.float32) for sign in (-1, 1))
            line = other - one
            length = (line ** 2).sum(-1)
            share = ((middle - one) * line).sum(-1) / np.maximum(length, 1)
            off = np.abs(middle - one - share[:, None] * line).max(-1)
            found |= (length > _APART ** 2) & (share > _SHARE) & (share < 1 - _SHARE) & (off < _OFF)
    mixed = np.zeros(where.shape, dtype=bool)
    mixed[rows[found], columns[found]] = True
    return mixed


def areas_to_keep(classes: np.ndarray, clear: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """Clear pixels bool [H, W] of connected areas that were drawn: no specks, and at least one pixel that is sure.

    JPEG leaves bands of mixed colours along borders, none of whose pixels is quiet or close to its class's colour.
    """
    keep = np.zeros(clear.shape, dtype=bool)
    for number, window in enumerate(ndimage.find_objects(np.where(clear, classes.astype(np.int32) + 1, 0))):
        if window is None:
            continue
        areas, count = ndimage.label(clear[window] & (classes[window] == number))
        size, sures = (np.bincount(found.ravel(), minlength=count + 1) for found in (areas, areas[sure[window]]))
        keep[window] |= ((size >= _SMALLEST) & (sures > 0))[areas] & (areas > 0)
    return keep


def _commonest(colours: np.ndarray) -> tuple[int, int, int] | None:
    """The most frequent row of [N, 3], None of none."""
    if not len(colours):
        return None
    numbers, counts = np.unique(packed(colours), return_counts=True)
    number = int(numbers[counts.argmax()])
    return number >> 16, number >> 8 & 255, number & 255
