"""Pictures of several methods under each other, as one PNG."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..files import atomic_path


def write_sheet(path: str | Path, pictures: dict[str, torch.Tensor], columns: int = 12, zoom: int = 2) -> None:
    """One row per method of [B, 3, H, W] images in [-1, 1], the same sample in each column."""
    rows = [torch.cat(list(images[:columns].clamp(-1, 1)), dim=2) for images in pictures.values()]
    sheet = ((torch.cat(rows, dim=1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    sheet = np.repeat(np.repeat(sheet, zoom, axis=0), zoom, axis=1)
    with atomic_path(path) as temporary:
        Image.fromarray(sheet).save(temporary, format="PNG")
