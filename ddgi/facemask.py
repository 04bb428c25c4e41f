"""Read face masks from pictures: class colours or class numbers, two palettes, exact resizing."""

import numpy as np
import torch
from torch.nn import functional

from .errors import InputError
from .palette import PALETTE, colours_to_indices, indices_to_colours

READINGS = ("auto", "class colours", "class numbers")
PALETTES = ("CelebAMask-HQ", "MaskGAN drawing tool")


def _drawing_tool_palette() -> np.ndarray:
    """The colours on the brushes of MaskGAN's drawing tool: eyes and ears swapped, another right brow."""
    palette = PALETTE.copy()
    palette[[4, 5, 8, 9]] = PALETTE[[5, 4, 9, 8]]
    palette[7] = (51, 255, 255)
    return palette


_PALETTES = {"CelebAMask-HQ": PALETTE, "MaskGAN drawing tool": _drawing_tool_palette()}


def read_mask(image: torch.Tensor, reading: str = "auto", palette: str = PALETTES[0]) -> torch.Tensor:
    """Class indices uint8 [B, H, W] of a picture [B, H, W, C >= 1] in 0..1.

    Args:
        reading: "class colours" (RGB of `palette`), "class numbers" (grey value = class 0..18 of 255),
            or "auto", which takes numbers where the picture is grey and no brighter than 18.
        palette: the colours used, one of `PALETTES`.

    Raises:
        InputError: the picture is no face mask in the chosen reading.
    """
    pixels = (image.detach().cpu().float() * 255.0).round().clamp(0, 255).to(torch.uint8).numpy()
    if pixels.shape[-1] < 3:
        pixels = pixels[..., :1].repeat(3, axis=-1)
    pixels = pixels[..., :3]
    grey = bool((pixels[..., :1] == pixels).all())
    if reading == "auto":
        reading = "class numbers" if grey and pixels.max(initial=0) < len(PALETTE) else "class colours"
    if reading == "class numbers":
        return torch.from_numpy(_read_numbers(pixels, grey))
    if grey and pixels.max(initial=0) >= len(PALETTE):
        raise InputError(
            f"The picture is grey with values up to {pixels.max()}, so it is no face mask; give a mask in the "
            f"CelebAMask-HQ colours, or a grey one whose values are the class numbers 0 to 18.")
    return torch.from_numpy(colours_to_indices(_to_standard(pixels, palette)))


def _read_numbers(pixels: np.ndarray, grey: bool) -> np.ndarray:
    if not grey:
        raise InputError("The picture is in colour but was to be read as class numbers (a grey picture with values "
                         "0 to 18); set reading to 'class colours'.")
    indices_to_colours(pixels[..., 0])  # raises for numbers above 18
    return np.ascontiguousarray(pixels[..., 0])


def _to_standard(pixels: np.ndarray, palette: str) -> np.ndarray:
    """Colours of another palette to the standard ones; colours of neither stay as they are."""
    if palette not in _PALETTES:
        raise InputError(f"There is no palette {palette!r}; choose one of {', '.join(PALETTES)}.")
    source = _PALETTES[palette]
    if source is PALETTE:
        return pixels
    out = pixels.copy()
    for index in np.flatnonzero((source != PALETTE).any(-1)):
        out[(pixels == source[index]).all(-1)] = PALETTE[index]
    return out


def resize_mask(indices: torch.Tensor, size: int) -> torch.Tensor:
    """Indices [B, H, W] with the longer side `size`, same aspect, by nearest neighbour (no new classes)."""
    height, width = indices.shape[-2:]
    scale = size / max(height, width)
    shape = (max(1, round(height * scale)), max(1, round(width * scale)))
    return functional.interpolate(indices[:, None].float(), shape, mode="nearest-exact")[:, 0].to(torch.uint8)


def mask_to_hint(indices: torch.Tensor, palette: str = PALETTES[0]) -> torch.Tensor:
    """Class indices [B, H, W] to the colour hint [B, H, W, 3], fp32 in 0..1."""
    return torch.from_numpy(_PALETTES[palette][indices.numpy()]).float() / 255.0
