"""What a painter widget keeps: a drawing as a PNG in a data URL, in class colours or as black lines on white."""

import base64
import binascii
import io
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from .errors import InputError
from .facemask import mask_to_hint, read_mask
from .pictures import image_from_pil

KINDS = ("mask", "scribble")
PREFIX = "data:image/png;base64,"
MOST_TEXT = 1 << 20                 # characters of a data URL
MOST_SIDE = 1024                    # pixels


class Painting(NamedTuple):
    """A drawing as a ControlNet takes it, and what it is made of.

    hint: IMAGE [1, H, W, 3] in 0..1: class colours, or black lines on white paper.
    classes: uint8 [1, H, W], 0 to 18 of a mask; 1 on a scribble's lines.
    """

    hint: Tensor
    classes: Tensor


def read_painting(text: str, kind: str) -> Painting | None:
    """The drawing in a painter's text, None where nothing is painted.

    Args:
        text: "", or a PNG of at most 1024 px as "data:image/png;base64,...".
        kind: of `KINDS`.

    Raises:
        InputError: the text holds no such picture, or a mask that has other colours than those of the classes.
    """
    if kind not in KINDS:
        raise InputError(f"A drawing of kind {str(kind)[:40]!r} was given; use {' or '.join(KINDS)}.")
    if not text:
        return None
    image = image_from_pil(_picture(text))
    if kind == "scribble":
        lines = image.mean(-1) < 0.5
        paper = (~lines).float()[..., None].expand(-1, -1, -1, 3)
        return Painting(paper, lines.to(torch.uint8)) if lines.any() else None
    if not image.any():
        return None
    classes = read_mask(image, "class colours")
    return Painting(mask_to_hint(classes), classes)


def _picture(text: str) -> Image.Image:
    if not isinstance(text, str) or not text.startswith(PREFIX) or len(text) > MOST_TEXT:
        raise InputError(f"The drawing is no PNG in a text of at most {MOST_TEXT >> 20} MiB; paint it in the node's "
                         f"painter, or clear it and begin again.")
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(text[len(PREFIX):], validate=True)), formats=["PNG"])
        if max(picture.size) > MOST_SIDE:
            raise InputError(f"The drawing has {picture.width} x {picture.height} pixels; a side may have {MOST_SIDE}.")
        return picture.convert("RGB")
    except InputError:
        raise
    except (OSError, SyntaxError, ValueError, binascii.Error, Image.DecompressionBombError) as error:
        raise InputError("The drawing is damaged; clear it and paint it again.") from error

