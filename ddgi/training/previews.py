"""Previews of a training as pictures: held-out targets above, what they came out as below."""

from pathlib import Path

import torch
from PIL import Image


def save_preview(folder: Path, stage: str, step: int, pictures: torch.Tensor) -> Image.Image:
    """Write a preview into `folder`/previews.

    Args:
        pictures: [2, n, 3, S, S] in -1..1, as `Watch.preview` gets them.

    Returns:
        The sheet, n S wide and 2 S high.
    """
    rows = ((pictures.clamp(-1, 1) + 1) * 127.5).round().byte()          # [2, n, 3, S, S]
    sheet = Image.fromarray(rows.permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2).cpu().numpy())
    (folder / "previews").mkdir(parents=True, exist_ok=True)
    sheet.save(folder / "previews" / f"{stage}-{step:07}.png")
    return sheet


def last_preview(folder: Path) -> Image.Image | None:
    """The latest sheet of a training: of T if there is one, else of M; None if there is none."""
    saved = sorted((folder / "previews").glob("*.png"))  # "mapping" comes before "modulation"
    return Image.open(saved[-1]).convert("RGB") if saved else None
