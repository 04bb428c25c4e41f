"""Grids of rendered heads: with their captions, or the same heads in every style."""

import os
import textwrap
from collections.abc import Sequence

from einops import rearrange
from PIL import Image, ImageDraw

from ..lettering import lettered
from ..pictures import resize, to_bytes
from .render import HeadWorldBatch, render_batch
from .styles import STYLES

_TEXT_HEIGHT = 44


def contact_sheet(batch: HeadWorldBatch, columns: int = 8, captions: bool = True) -> Image.Image:
    """All images of a batch in rows of `columns`, each over its caption."""
    pixels = rearrange(to_bytes(batch.image), "b c h w -> b h w c").cpu().numpy()
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


def style_sheet(seeds: Sequence[int], size: int = 192, resolution: int = 256) -> Image.Image:
    """A row for each head and a titled column for each style, drawn at `resolution` and shown at `size` pixels."""
    names = [name for _ in seeds for name in STYLES]
    batch = render_batch([seed for seed in seeds for _ in STYLES], resolution, style=names)
    heads = to_bytes(resize(batch.image, size)).unflatten(0, (len(seeds), len(STYLES)))
    return lettered(heads, [""] * len(seeds), list(STYLES))
