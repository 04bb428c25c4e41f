"""Pictures of several methods under each other, as one PNG."""

from pathlib import Path

import torch

from ..files import atomic_path
from ..pictures import resize, sheet


def write_sheet(path: str | Path, pictures: dict[str, torch.Tensor], columns: int = 12, size: int = 256) -> None:
    """One row per method of [B, 3, H, W] images in [-1, 1], the same sample in each column, all of side `size`."""
    rows = sheet([resize(images[:columns].float(), size) for images in pictures.values()])
    with atomic_path(path) as temporary:
        rows.save(temporary, format="PNG")
