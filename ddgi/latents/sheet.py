"""Contact sheets of directions: a row for each direction and face, a column for each strength."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ..gan import GanLatent, Generator
from ..pictures import resize, to_bytes
from .direction import Direction, series

_PAPER, _INK = (255, 255, 255), (40, 40, 40)


@torch.no_grad()
def direction_sheet(generator: Generator, latent: GanLatent, directions: Sequence[Direction],
                    strengths: Sequence[float], layers: tuple[int, ...] | None = None, size: int = 128, *,
                    progress: Callable[[int], None] = lambda done: None) -> torch.Tensor:
    """What directions do to faces.

    Args:
        latent: B faces, each in a row of its own for every direction.
        size: of each picture, in pixels.
        progress: called with the number of pictures rendered so far; it may raise to stop.

    Returns:
        Bytes [H, W, 3]: names of the directions at the left, strengths at the top.
    """
    rows, names, done = [], [], 0
    for direction in directions:
        moved = series(latent, direction, strengths, layers)
        pictures = generator.render(moved, progress=lambda count, _, before=done: progress(before + count)).image
        done += len(moved.ws)
        small = to_bytes(resize(pictures, size).clamp(-1, 1)).cpu()
        rows += small.unflatten(0, (len(latent.ws), len(strengths)))
        names += [direction.name, *[""] * (len(latent.ws) - 1)]
    return _lettered(torch.stack(rows), names, [f"{strength:+g}" if strength else "0" for strength in strengths])


def _lettered(rows: torch.Tensor, names: Sequence[str], heads: Sequence[str]) -> torch.Tensor:
    """A sheet of bytes [R, N, 3, S, S] with a name for each row and a head for each column."""
    size = rows.shape[-1]
    font = ImageFont.load_default(max(10, size // 10))
    top = int(font.size * 1.8)
    left = 16 + int(max((font.getlength(line) for name in names for line in _lines(name)), default=0))
    sheet = Image.new("RGB", (left + rows.shape[1] * size, top + rows.shape[0] * size), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, head in enumerate(heads):
        draw.text((left + (column + 0.5) * size, top / 2), head, _INK, font, anchor="mm")
    for row, (pictures, name) in enumerate(zip(rows, names)):
        draw.multiline_text((8, top + (row + 0.5) * size), "\n".join(_lines(name)), _INK, font, anchor="lm")
        for column, picture in enumerate(pictures):
            image = Image.fromarray(picture.permute(1, 2, 0).numpy())
            sheet.paste(image, (left + column * size, top + row * size))
    return torch.from_numpy(np.asarray(sheet).copy())


def _lines(name: str, width: int = 18) -> list[str]:
    """A name in lines of about `width` letters."""
    lines = [""]
    for word in name.split():
        fits = len(lines[-1]) + len(word) < width
        lines[-1:] = [f"{lines[-1]} {word}".strip()] if fits else [lines[-1], word]
    return [line[:2 * width] for line in lines if line] or [""]
