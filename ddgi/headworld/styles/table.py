"""The table of styles."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from torch import Tensor

from ...errors import InputError
from ..parameters import HeadParameters
from ..surface import Surface
from . import cartoon, clay, marble, pencil, pixel, studio, watercolour
from .picture import Picture


@dataclass(frozen=True)
class Style:
    """One way to draw heads.

    light: from visible points to display colours [B, 3, N].
    wall: the background [B, 3, N] of a size in pixels.
    finish: from the drawn picture to the final one [B, 3, R, R] in 0..1.
    openings: how a caption begins; each names the style, but for studio, whose captions name none.
    words: words that name the style in prompts.
    hides: attributes that nobody can see in this style, so that captions leave them out and judges do not ask.
    """

    light: Callable[[Surface], Tensor]
    wall: Callable[[HeadParameters, int], Tensor]
    finish: Callable[[Picture], Tensor]
    openings: tuple[str, ...]
    words: tuple[str, ...]
    hides: frozenset[str] = frozenset()


def _style(module: ModuleType, openings: tuple[str, ...], words: tuple[str, ...], *hides: str) -> Style:
    return Style(module.light, module.wall, module.finish, openings, words, frozenset(hides))


_COLOURS = ("hair_colour", "eye_colour")
STYLES: dict[str, Style] = {
    "studio": _style(studio, ("", "", "portrait of ", "the face of "), ()),
    "cartoon": _style(cartoon, ("a cartoon of ", "a cartoon drawing of "), ("cartoon", "comic")),
    "pencil": _style(pencil, ("a pencil drawing of ", "a pencil sketch of "), ("pencil", "sketch"), *_COLOURS),
    "watercolour": _style(watercolour, ("a watercolour of ", "a watercolour painting of "),
                          ("watercolour", "watercolor", "painting")),
    "marble": _style(marble, ("a marble statue of ", "a marble bust of "), ("marble", "statue", "bust", "sculpture"),
                     *_COLOURS),
    "clay": _style(clay, ("a clay figure of ", "a clay model of "), ("clay", "plasticine")),
    "pixel": _style(pixel, ("pixel art of ", "a pixel art portrait of "), ("pixel", "pixelated")),
}


def style_row(name: str) -> Style:
    """A style by its name.

    Raises:
        InputError: there is no such style.
    """
    if name not in STYLES:
        raise InputError(f"There is no style {name!r}; use one of {', '.join(STYLES)}.")
    return STYLES[name]
