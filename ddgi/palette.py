"""The 19 CelebAMask-HQ face classes and their colours, converted both ways without loss."""

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


def colours_to_indices(colours: np.ndarray, tolerance: int = 24, max_unknown: float = 0.02) -> np.ndarray:
    """RGB uint8 [..., H, W, 3] to class indices uint8 [..., H, W].

    Each pixel takes the nearest palette colour. A pixel further than `tolerance` (largest channel
    difference) from every colour is unknown; a few are expected along smoothed edges, more than
    the share `max_unknown` means another palette was used.

    Raises:
        InputError: too many pixels are in no palette colour; the message names the commonest.
    """
    flat = colours.reshape(-1, 3)
    unique, inverse = np.unique(flat, axis=0, return_inverse=True)
    distance = np.abs(unique[:, None].astype(np.int16) - PALETTE[None].astype(np.int16)).max(-1)
    unknown = distance.min(1) > tolerance
    counts = np.bincount(inverse.reshape(-1), minlength=len(unique))
    share = counts[unknown].sum() / max(len(flat), 1)
    if share > max_unknown:
        worst = unique[unknown][counts[unknown].argmax()]
        raise InputError(
            f"{share:.0%} of the mask is in colours that are no face class, most of it "
            f"RGB({worst[0]}, {worst[1]}, {worst[2]}); draw with the CelebAMask-HQ palette "
            f"(background is black, skin is RGB(204, 0, 0)) and without anti-aliasing.")
    return distance.argmin(1).astype(np.uint8)[inverse.reshape(-1)].reshape(colours.shape[:-1])
