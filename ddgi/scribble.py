"""Black-on-white scribbles: from a picture by difference of Gaussians, from a class mask by its borders."""

import torch
from torch.nn import functional

from .errors import InputError


def lines_from_image(image: torch.Tensor, threshold: float = 0.04, detail: float = 1.0,
                     thickness: int = 1) -> torch.Tensor:
    """Scribble [B, H, W] (0 line, 1 paper) from a picture [B, H, W, 3] in 0..1.

    A pixel is a line where it is darker than its surroundings: G(1.6 s) * I - G(s) * I > threshold in
    any colour channel, with s = H / (128 detail) pixels. 1.6 is the ratio at which the difference of
    Gaussians approximates the Laplacian (Marr and Hildreth 1980).

    Args:
        threshold: 0..1, larger draws fewer lines.
        detail: > 0, larger follows finer structure.
        thickness: line width in pixels added by dilation, >= 1.
    """
    if detail <= 0:
        raise InputError(f"Scribble detail is {detail}; it must be above 0 (1 suits portraits).")
    pixels = image[..., :3].float().permute(0, 3, 1, 2)
    sigma = max(pixels.shape[-2] / (128.0 * detail), 0.5)
    darker = _blur(pixels, 1.6 * sigma) - _blur(pixels, sigma)
    return _draw((darker > threshold).any(1), thickness)


def lines_from_mask(indices: torch.Tensor, thickness: int = 1) -> torch.Tensor:
    """Scribble [B, H, W] (0 line, 1 paper) along the borders of areas in [B, H, W] of equal values."""
    border = torch.zeros(indices.shape, dtype=torch.bool, device=indices.device)
    border[..., :-1, :] |= indices[..., 1:, :] != indices[..., :-1, :]
    border[..., :, :-1] |= indices[..., :, 1:] != indices[..., :, :-1]
    return _draw(border, thickness)


def _blur(pixels: torch.Tensor, sigma: float) -> torch.Tensor:
    """Separable Gaussian of [B, C, H, W], edges repeated, radius 3 sigma."""
    radius = max(1, round(3 * sigma))
    offsets = torch.arange(-radius, radius + 1, dtype=pixels.dtype, device=pixels.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = (kernel / kernel.sum()).repeat(pixels.shape[1], 1, 1, 1)
    padded = functional.pad(pixels, (radius,) * 4, mode="replicate")
    padded = functional.conv2d(padded, kernel, groups=pixels.shape[1])
    return functional.conv2d(padded, kernel.transpose(2, 3), groups=pixels.shape[1])


def _draw(lines: torch.Tensor, thickness: int) -> torch.Tensor:
    if thickness < 1:
        raise InputError(f"Scribble thickness is {thickness}; it must be 1 pixel or more.")
    before = (thickness - 1) // 2
    padded = functional.pad(lines[:, None].float(), (before, thickness - 1 - before) * 2)
    return 1.0 - functional.max_pool2d(padded, thickness, stride=1)[:, 0]
