"""Pictures of several methods under each other, as one PNG."""

from pathlib import Path

import torch
from PIL import Image

from ..files import atomic_path
from ..pictures import sheet


def write_sheet(path: str | Path, pictures: dict[str, torch.Tensor], columns: int = 12, zoom: int = 2) -> None:
    """One row per method of [B, 3, H, W] images in [-1, 1], the same sample in each column."""
    levels = sheet([images[:columns] for images in pictures.values()], zoom)
    with atomic_path(path) as temporary:
        Image.fromarray(levels.numpy()).save(temporary, format="PNG")
