"""What a face mask may be, for nodes and training data alike: class colours or class numbers, of 8 or 16 bits.

Masks are taken as people have them: smoothed, resized, saved as JPEG, counted in a face parser's order. What was done
to read one is said in a sentence; only what is plainly no mask is refused.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..pictures import image_to_bytes, resize_classes
from .colours import PALETTES, colour_table, exact_classes
from .edges import clear_classes
from .numbers import LAST, class_levels, clear_numbers, is_dark_grey, is_grey
from .order import FROM_BISENET, ORDERS, likely_order

COLOURS, NUMBERS, BISENET = "class colours", "class numbers", "class numbers (BiSeNet order)"
READINGS = ("auto", COLOURS, NUMBERS, BISENET)
MOST_UNKNOWN = 0.25     # share of pixels of no class above which a picture is no mask
_MENTIONED = 0.002      # share of pixels that are worth a sentence

Say = Callable[[str], None]


class NoMask(InputError):
    """A picture is no face mask; `reason` completes "<file>: ..."."""

    def __init__(self, sentence: str, reason: str):
        super().__init__(sentence)
        self.reason = reason


def read_mask(image: Tensor, reading: str = "auto", palette: str = PALETTES[0], order: str | None = None,
              say: Say = lambda sentence: None) -> Tensor:
    """Class numbers uint8 [B, H, W] of a picture [B, H, W, C >= 1] in 0..1.

    Pixels of no class, at smoothed borders or in a foreign colour, take the class of the nearest clear pixel. A fourth
    channel (of a grey picture the second) is alpha: what is transparent is background.

    Args:
        reading: "class colours" (RGB of `palette`), "class numbers" (grey value = class 0..18 of 255, or of 65535
            where all are that dark) in either order, or "auto", which takes numbers where the picture is grey and no
            brighter than 18, and finds their order.
        palette: the colours used, one of `PALETTES`.
        order: of class numbers for "auto", one of `ORDERS`; None finds it.
        say: gets a sentence for each thing that a user should know of how a picture was read.

    Raises:
        NoMask: the picture is no face mask in the chosen reading, or all background.
        InputError: unknown reading or palette.
    """
    if reading not in READINGS:
        raise InputError(f"There is no reading {reading!r}; choose one of {', '.join(READINGS)}.")
    classes = []
    for index, picture in enumerate(image.detach().cpu().float().numpy()):
        which = f"Picture {index + 1} of {len(image)}: " if len(image) > 1 else ""
        try:
            classes.append(_read_one(picture, reading, palette, order, lambda text, which=which: say(which + text)))
        except NoMask as error:
            raise NoMask(which + str(error), error.reason) from error
    return torch.from_numpy(np.stack(classes)) if classes else torch.zeros(image.shape[:3], dtype=torch.uint8)


def numbers_in(picture: Tensor) -> Tensor | None:
    """The class numbers uint8 [H, W] of a picture [H, W, C] in 0..1 in their own order, None where it has colours."""
    pixels, _ = _without_alpha(picture.detach().cpu().float().numpy())
    return torch.from_numpy(clear_numbers(class_levels(pixels))[0]) if is_dark_grey(pixels) else None


def resize_mask(indices: Tensor, size: int) -> Tensor:
    """Class numbers [B, H, W] with the longer side `size`, same aspect, by nearest neighbour (no new classes)."""
    scale = size / max(indices.shape[-2:])
    return resize_classes(indices, *(max(1, round(length * scale)) for length in indices.shape[-2:]))


def _read_one(picture: np.ndarray, reading: str, palette: str, order: str | None, say: Say) -> np.ndarray:
    """Classes uint8 [H, W] of one picture [H, W, C]."""
    table = colour_table(palette)
    pixels, opaque = _without_alpha(picture)
    if reading == COLOURS or (reading == "auto" and not is_dark_grey(pixels)):
        classes = _read_colours(pixels, table, say)
        other, reason = likely_order([classes])
        if other != ORDERS[0]:
            say(f"The parts are not where a face has them: {reason}. If the colours were made from the numbers of a "
                f"face parser, give those numbers.")
    else:
        order = {NUMBERS: ORDERS[0], BISENET: ORDERS[1]}.get(reading, order)
        classes = _read_numbers(pixels, order, say)
    classes = np.where(opaque, classes, 0).astype(np.uint8)
    if not classes.any():
        raise NoMask("The whole mask is background (class 0), so it holds no face; draw the parts of a face, or give "
                     "the file that has them.", "the whole mask is background")
    return classes


def _without_alpha(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RGB [H, W, 3] and where it is opaque, bool [H, W]."""
    channels = picture.shape[-1]
    opaque = picture[..., -1] >= 0.5 if channels in (2, 4) else np.ones(picture.shape[:2], dtype=bool)
    return (picture[..., :1].repeat(3, -1) if channels < 3 else picture[..., :3]), opaque


def _read_numbers(pixels: np.ndarray, order: str | None, say: Say) -> np.ndarray:
    if not is_grey(pixels):
        raise NoMask(f"The picture is in colour but was to be read as class numbers (a grey picture with values 0 to "
                     f"{LAST}); set reading to '{COLOURS}'.", "it is in colour, not in class numbers")
    largest = class_levels(pixels).max(initial=0)
    if largest > LAST + 0.5:
        raise NoMask(f"The mask holds class {largest:.0f}; face classes run from 0 to {LAST}. Check that the file is a "
                     f"mask of class numbers.", f"it holds class numbers above {LAST}")
    numbers, unclear, strange = clear_numbers(class_levels(pixels))
    if strange > MOST_UNKNOWN:
        raise NoMask(f"{strange:.0%} of the mask are no whole class numbers; give the mask as it was made, without "
                     f"smoothing.", "it holds no whole class numbers")
    if unclear > 0:
        say(f"{_percent(unclear)} of the mask lie along smoothed borders and took the part beside them.")
    if order is None:
        order, reason = likely_order([numbers])
        if order == ORDERS[1]:
            say(f"Read in the BiSeNet order of face parsers, because in the CelebAMask-HQ order {reason}; set reading "
                f"to '{NUMBERS}' if that is wrong.")
    return FROM_BISENET[numbers] if order == ORDERS[1] else numbers


def _read_colours(pixels: np.ndarray, table: tuple[np.ndarray, np.ndarray], say: Say) -> np.ndarray:
    levels = image_to_bytes(torch.from_numpy(pixels)).numpy()
    exact = exact_classes(levels, table)
    if exact is not None:
        return exact
    if is_grey(pixels):
        raise NoMask(
            f"The picture is grey with values up to {levels.max()}, so it is no face mask; give a mask in the "
            f"CelebAMask-HQ colours, or a grey one whose values are the class numbers 0 to {LAST}.",
            "the mask is neither in the CelebAMask-HQ colours nor in class numbers")
    cleared = clear_classes(levels, table)
    if cleared.strange > min(MOST_UNKNOWN, (cleared.classes != 0).mean()):
        raise NoMask(
            f"{cleared.strange:.0%} of the mask is in colours that are no face class, most of it RGB{cleared.colour}; "
            f"draw with the CelebAMask-HQ palette (background is black, skin is RGB(204, 0, 0)).",
            "the mask is neither in the CelebAMask-HQ colours nor in class numbers")
    if cleared.foreign > _MENTIONED:
        say(f"{_percent(cleared.foreign)} of the mask is in colours of no face part, most of it RGB{cleared.colour}; "
            f"each such pixel took the part of the nearest clear one.")
    elif cleared.unclear > _MENTIONED:
        say(f"{_percent(cleared.unclear)} of the mask lie along smoothed borders and took the part beside them.")
    return cleared.classes


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "Less than 1%"
