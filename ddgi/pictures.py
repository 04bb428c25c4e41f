"""Pictures as tensors: to bytes and back, resized, side by side.

Generators and trainers hold pictures as [..., 3, H, W] in -1..1; ComfyUI's IMAGE is [N, H, W, C] in 0..1.
"""

from collections.abc import Sequence

import numpy as np
import torch
from einops import rearrange, repeat
from PIL import Image
from torch import Tensor
from torch.nn import functional as F


def to_bytes(pictures: Tensor) -> Tensor:
    """uint8 of pictures in -1..1, any shape: floor(127.5 x + 128), clamped, so that halves round up.

    NVIDIA's generators write their pictures so; `from_bytes` undoes it exactly.
    """
    return (pictures.float() * 127.5 + 128).clamp(0, 255).to(torch.uint8)


def from_bytes(levels: Tensor) -> Tensor:
    """fp32 pictures in -1..1 of uint8, any shape."""
    return levels.float() / 127.5 - 1


def to_image(pictures: Tensor) -> Tensor:
    """ComfyUI's IMAGE [N, H, W, C], fp32 in 0..1, of pictures [N, C, H, W] in -1..1.

    A little above (x + 1) / 2, because ComfyUI saves floor(255 v): what it saves is `to_bytes`. Grey pictures get
    three channels, which ComfyUI's nodes need.
    """
    if pictures.shape[1] == 1:
        pictures = pictures.expand(-1, 3, -1, -1)
    return rearrange((pictures.float() * 127.5 + 128).clamp(0, 255) / 255, "n c h w -> n h w c").contiguous()


def from_image(image: Tensor) -> Tensor:
    """Pictures [N, 3, H, W] in -1..1 of an IMAGE; undoes `to_image`. Alpha is left out."""
    return rearrange((image[..., :3].float() * 255 - 128) / 127.5, "n h w c -> n c h w").contiguous()


def image_to_bytes(image: Tensor) -> Tensor:
    """uint8 of an IMAGE or MASK in 0..1, any shape, to the nearest level."""
    return (image.float() * 255).round().clamp(0, 255).to(torch.uint8)


def image_from_bytes(levels: Tensor) -> Tensor:
    """fp32 in 0..1 of uint8, any shape."""
    return levels.float() / 255


def image_from_pil(picture: Image.Image) -> Tensor:
    """IMAGE [1, H, W, 3] in 0..1 of a picture in any mode; its alpha is left out."""
    return image_from_bytes(torch.from_numpy(np.array(picture.convert("RGB"))))[None]


def resize(pictures: Tensor, size: int) -> Tensor:
    """Pictures or maps [N, C, h, w] of any aspect at [N, C, size, size], bilinear, antialiased where they shrink."""
    if pictures.shape[-2:] == (size, size):
        return pictures
    return F.interpolate(pictures, size=(size, size), mode="bilinear", align_corners=False,
                         antialias=max(pictures.shape[-2:]) > size)


def resize_classes(classes: Tensor, height: int, width: int | None = None) -> Tensor:
    """Class numbers uint8 [..., h, w] at [..., height, width] (None: a square) by nearest neighbour: no new ones."""
    shape = (height, height if width is None else width)
    if classes.shape[-2:] == shape:
        return classes
    flat = rearrange(classes, "... h w -> 1 (...) h w").float()
    return F.interpolate(flat, size=shape, mode="nearest-exact").to(torch.uint8).reshape(*classes.shape[:-2], *shape)


def fill_nearest(classes: Tensor, unknown: Tensor) -> Tensor:
    """Classes [H, W] whose pixels under `unknown`, bool [H, W], take the class of the nearest known pixel.

    Nearest in steps to the eight neighbours; of several equally near, the largest class number.
    """
    rows, columns = unknown.any(1).nonzero(), unknown.any(0).nonzero()
    if not len(rows):
        return classes
    # What is nearest stands in the smallest box around the unknown pixels, or along its edge.
    box = tuple(slice(max(int(places[0]) - 1, 0), int(places[-1]) + 2) for places in (rows, columns))
    values = classes[box].long().masked_fill(unknown[box], -1)[None, None].float()
    while (values < 0).any():
        around = F.max_pool2d(values, 3, stride=1, padding=1)
        values = torch.where(values < 0, around, values)
    filled = classes.clone()
    filled[box] = values[0, 0].to(classes.dtype)
    return filled


def sheet(rows: Tensor | Sequence[Tensor], zoom: int = 1) -> Image.Image:
    """R rows of N pictures [N, 3, H, W] in -1..1, side by side; each pixel becomes zoom x zoom."""
    levels = to_bytes(rows if isinstance(rows, Tensor) else torch.stack([*rows]))
    joined = rearrange(levels, "r n c h w -> (r h) (n w) c")
    return Image.fromarray(repeat(joined, "h w c -> (h y) (w x) c", y=zoom, x=zoom).cpu().numpy())
