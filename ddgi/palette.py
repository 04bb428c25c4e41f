"""The 19 CelebAMask-HQ face classes and their colours; `facemask` reads them back."""

import numpy as np

from .errors import InputError

CLASS_NAMES = (
    "background", "skin", "nose", "eyeglasses", "left eye", "right eye", "left brow", "right brow",
    "left ear", "right ear", "mouth", "upper lip", "lower lip", "hair", "hat", "earring",
    "necklace", "neck", "cloth",
)

PALETTE = np.array([
    (0, 0, 0), (204, 0, 0), (76, 153, 0), (204, 204, 0), (51, 51, 255), (204, 0, 204), (0, 255, 255),
    (255, 204, 204), (102, 51, 0), (255, 0, 0), (102, 204, 0), (255, 255, 0), (0, 0, 153), (0, 0, 204),
    (255, 51, 153), (0, 204, 204), (0, 51, 0), (255, 153, 51), (0, 204, 0),
], dtype=np.uint8)


def indices_to_colours(indices: np.ndarray) -> np.ndarray:
    """Class indices [..., H, W] in 0..18 to RGB uint8 [..., H, W, 3]."""
    if indices.min() < 0 or indices.max() >= len(PALETTE):
        raise InputError(
            f"The mask holds class {int(indices.max() if indices.max() > 18 else indices.min())}; "
            f"face classes run from 0 to 18. Check that the file is a CelebAMask-HQ index mask.")
    return PALETTE[indices]
