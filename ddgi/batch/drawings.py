"""Masks and scribbles of rows: checked when the batch is planned, made into hints when they are used."""

from pathlib import Path

from torch import Tensor

from ..errors import InputError
from ..facemask import mask_to_hint
from ..training.data.framing import centred_square
from ..training.data.pictures import open_picture, read_classes, read_scribble


def check_drawing(path: Path, hint: str) -> None:
    """Refuse what is no drawing of its kind.

    Raises:
        InputError: no picture, no face mask, or nothing drawn.
    """
    if hint == "mask":
        classes = read_classes(path, None, None)
        if classes.min() == classes.max():
            raise InputError(f"{path.name} is one even area; a face mask shows the parts of a face.")
    else:
        _lines(path, None, min(open_picture(path).size))


def hint_picture(data: bytes, name: str, hint: str, size: int) -> Tensor:
    """IMAGE [1, size, size, 3] in 0..1 for the ControlNet: the mask's colours, or black lines on white.

    data: the file's bytes. name: for messages.
    """
    path = Path(name)
    if hint == "mask":
        framing = centred_square(open_picture(path, masks=True, data=data).size)
        return mask_to_hint(read_classes(path, framing, size, data=data)[None])
    return (1 - _lines(path, data, size).float())[None, ..., None].expand(-1, -1, -1, 3)


def _lines(path: Path, data: bytes | None, size: int) -> Tensor:
    return read_scribble(path, centred_square(open_picture(path, data=data).size), size, data)
