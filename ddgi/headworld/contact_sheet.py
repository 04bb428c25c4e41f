"""A PNG grid of rendered heads with their captions."""

import os
import textwrap

import torch
from PIL import Image, ImageDraw

from .render import HeadWorldBatch

_TEXT_HEIGHT = 44


def contact_sheet(batch: HeadWorldBatch, columns: int = 8, captions: bool = True) -> Image.Image:
    """All images of a batch in rows of `columns`, each over its caption."""
    pixels = ((batch.image + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    count, size = pixels.shape[:2]
    cell = size + (_TEXT_HEIGHT if captions else 0)
    sheet = Image.new("RGB", (columns * size, -(-count // columns) * cell), "white")
    draw = ImageDraw.Draw(sheet)
    for index, array in enumerate(pixels):
        left, top = index % columns * size, index // columns * cell
        sheet.paste(Image.fromarray(array), (left, top))
        if captions:
            text = "\n".join(textwrap.wrap(batch.captions[index], max(size // 5, 8))[:4])
            draw.multiline_text((left + 2, top + size), text, fill="black", font_size=9, spacing=1)
    return sheet


def write_contact_sheet(path: str | os.PathLike, batch: HeadWorldBatch, columns: int = 8,
                        captions: bool = True) -> None:
    """Write the sheet as a PNG."""
    contact_sheet(batch, columns, captions).save(path, format="PNG")
