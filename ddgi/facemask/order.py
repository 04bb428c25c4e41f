"""In which order a mask's numbers count the parts of a face: CelebAMask-HQ's, or that of BiSeNet face parsers.

The common parser weights (zllrunning's face-parsing.PyTorch) count the same 19 parts in an order of their own. Nothing
in a file says which it is, but in the wrong one the hair lies below the neck and the lips are as large as the skin.
"""

from collections.abc import Sequence

import numpy as np

from ..palette import CLASS_NAMES

ORDERS = ("CelebAMask-HQ", "BiSeNet")
BISENET_NAMES = (
    "background", "skin", "left brow", "right brow", "left eye", "right eye", "eyeglasses", "left ear", "right ear",
    "earring", "nose", "mouth", "upper lip", "lower lip", "neck", "necklace", "cloth", "hair", "hat",
)
FROM_BISENET = np.array([CLASS_NAMES.index(name) for name in BISENET_NAMES], dtype=np.uint8)

# From the top of a face down; parts in one row may stand in any order.
_ROWS = (("hat",), ("hair",), ("left brow", "right brow"), ("left eye", "right eye", "eyeglasses"),
         ("skin", "nose", "left ear", "right ear", "earring"), ("upper lip",), ("mouth",), ("lower lip",),
         ("neck", "necklace"), ("cloth",))
_ROW = {CLASS_NAMES.index(name): row for row, names in enumerate(_ROWS) for name in names}
_HANGING = ("hair", "hat")                      # their upper end counts, since hair falls as far as it likes
_LARGE = ("background", "skin", "eyeglasses", "hair", "hat", "neck", "cloth")
_SLACK = 0.05           # share of the picture's height that counts as a full difference
_MARGIN = 0.3           # by how much the other order must fit better; whole faces differ by 0.7 and more
_FEWEST = 4             # parts, below which nothing is noticed


def likely_order(masks: Sequence[np.ndarray]) -> tuple[str, str]:
    """(the order of `ORDERS` in which numbers uint8 [H, W] of one or several masks show faces, why).

    The reason completes "because ..."; it is empty for the CelebAMask-HQ order, which is taken unless the other fits
    clearly better.
    """
    usual, other, against = [], [], ""
    for numbers in masks:
        fit, worst = _fit(numbers)
        swapped, _ = _fit(FROM_BISENET[numbers])
        if len(np.unique(numbers)) - 1 >= _FEWEST:
            usual.append(fit)
            other.append(swapped)
            against = against or worst
    if usual and np.mean(other) > np.mean(usual) + _MARGIN:
        return ORDERS[1], against
    return ORDERS[0], ""


def _fit(classes: np.ndarray) -> tuple[float, str]:
    """How well parts stand where a face has them, 1 at best, and what is wrong most."""
    rows = {int(number): (classes == number).sum(1) for number in np.unique(classes) if number}
    heights = {number: _height(number, counts) / len(counts) for number, counts in rows.items()}
    score, pairs, worst, wrong = 0.0, 0, 0.0, ""
    for upper in heights:
        for lower in heights:
            if _ROW[upper] < _ROW[lower]:
                pairs += 1
                below = np.clip((heights[lower] - heights[upper]) / _SLACK, -1, 1)
                score += below
                if heights[lower] - heights[upper] < worst:
                    worst = heights[lower] - heights[upper]
                    wrong = f"the {CLASS_NAMES[upper]} would lie below the {CLASS_NAMES[lower]}"
    skin = rows.get(1, np.zeros(1)).sum()
    large = [CLASS_NAMES[number] for number, counts in rows.items()
             if CLASS_NAMES[number] not in _LARGE and skin and counts.sum() > 0.4 * skin]
    if large and not wrong:
        wrong = f"the {large[0]} would be as large as a face"
    return score / max(pairs, 1) - len(large), wrong


def _height(number: int, counts: np.ndarray) -> float:
    """Row of a part with `counts` [H] pixels in each row: its middle, or its upper end."""
    if CLASS_NAMES[number] in _HANGING:
        return float(np.searchsorted(counts.cumsum(), 0.05 * counts.sum()))
    return float((counts * np.arange(len(counts))).sum() / counts.sum())
