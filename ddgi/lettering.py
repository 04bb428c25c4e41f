"""Sheets of pictures with words beside and above them."""

import textwrap
from collections.abc import Sequence

import torch
from einops import rearrange
from PIL import Image, ImageDraw, ImageFont

_PAPER, _INK = (255, 255, 255), (40, 40, 40)
_NAME_WIDTH = 18                    # letters in a line of a row's name


def lettered(rows: torch.Tensor, names: Sequence[str], heads: Sequence[str]) -> Image.Image:
    """Rows of pictures with a name at the left of each row and a head over each column.

    Args:
        rows: bytes [R, N, 3, S, S].
        names: R; heads: N; long ones are broken into lines, an empty one takes no room.
    """
    size = rows.shape[-1]
    font = ImageFont.load_default(max(10, size // 10))
    heads = [textwrap.fill(head, int(size / font.getlength("n"))) for head in heads]
    names = [textwrap.fill(name, _NAME_WIDTH) for name in names]
    line = font.size * 1.3
    top = int(line * max((1 + head.count("\n") for head in heads if head), default=0) + font.size * 0.5)
    widest = max((font.getlength(part) for name in names for part in name.split("\n")), default=0)
    left = int(widest) + 16 if widest else 0
    sheet = Image.new("RGB", (left + rows.shape[1] * size, top + rows.shape[0] * size), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, head in enumerate(heads):
        draw.multiline_text((left + (column + 0.5) * size, top / 2), head, _INK, font, anchor="mm", align="center")
    for row, (pictures, name) in enumerate(zip(rows, names)):
        draw.multiline_text((8, top + (row + 0.5) * size), name, _INK, font, anchor="lm")
        for column, picture in enumerate(rearrange(pictures, "n c h w -> n h w c").cpu().numpy()):
            sheet.paste(Image.fromarray(picture), (left + column * size, top + row * size))
    return sheet
