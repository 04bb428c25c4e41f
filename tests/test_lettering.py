"""Sheets of pictures with words beside and above them."""

import numpy as np
import torch

from ddgi.lettering import lettered

ROWS = torch.randint(0, 256, (2, 3, 3, 40, 40), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def cells(sheet, left, top):
    """The pictures on a sheet, [2, 3, 3, 40, 40]."""
    pixels = torch.from_numpy(np.asarray(sheet).copy())[top:, left:]
    return pixels.unflatten(0, (2, 40)).unflatten(2, (3, 40)).permute(0, 2, 4, 1, 3)


def test_pictures_stand_below_their_heads_and_right_of_their_names():
    sheet = lettered(ROWS, ["first", "second"], ["a", "b", "c"])
    left, top = sheet.width - 3 * 40, sheet.height - 2 * 40
    assert left > 0 and top > 0
    assert torch.equal(cells(sheet, left, top), ROWS)
    margins = np.asarray(sheet)
    assert (margins[:top, left:] < 100).any(), "no heads are written"
    assert (margins[top:, :left] < 100).any(), "no names are written"


def test_long_words_take_more_lines_and_none_takes_no_room():
    bare, short, long = (lettered(ROWS, ["", ""], [head] * 3) for head in ("", "calm", "calm and bald with a beard"))
    assert bare.width == short.width == long.width == 3 * 40
    assert bare.height < short.height < long.height
    written = np.asarray(long)[:long.height - 80]
    assert (written[-3:] > 250).all() and (written[:2] > 250).all(), "words run into the pictures or out of the sheet"
