"""Prompts that choose: `{red|blond} hair`, `__names__` from a list of lines, and grids of rows."""

import hashlib
import itertools
import re
from collections.abc import Callable, Iterator

from ..config import short
from ..errors import InputError

MOST = 1_000_000                    # rows of a batch, grids included
_RANGE = re.compile(r"(\d{1,20})\.\.(\d{1,20})")
_CHOICE = re.compile(r"\{([^{}]*)\}|__([A-Za-z0-9][\w-]*?)__")
_DEEPEST = 100                      # replacements in one prompt; lists that name each other would never end

# The lines of a list by its name.
Lines = Callable[[str], list[str]]


def fill(text: str, seed: int, lines: Lines) -> str:
    """A prompt with every choice made: the same seed and text choose the same.

    Inner choices come first, so that they may stand inside others: `{a {red|blond} woman|a bald man}`.

    Raises:
        InputError: a brace without its partner, or lists that name each other without end.
    """
    filled = text
    for number in itertools.count():
        match = _CHOICE.search(filled)
        if match is None:
            break
        if number == _DEEPEST:
            raise InputError(f"The prompt {short(text)} makes more than {_DEEPEST} choices; a list may name itself.")
        options = lines(match[2]) if match[2] else match[1].split("|")
        chosen = options[_draw(seed, text, number) % len(options)]
        filled = filled[:match.start()] + chosen + filled[match.end():]
    if "{" in filled or "}" in filled:
        raise InputError(f"The prompt {short(text)} has a brace without its partner; write choices as {{red|blond}}.")
    return " ".join(filled.split())


def _draw(seed: int, text: str, number: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {number} {text}".encode()).digest()[:8], "big")


def expand(values: dict) -> Iterator[dict]:
    """The rows of one line: itself, or every combination of the lists in its "grid", the last key fastest.

    A list may be written as a range of whole numbers: "0..99".

    Raises:
        InputError: a grid that is none, or larger than any batch.
    """
    if "grid" not in values:
        yield values
        return
    grid, shared = values["grid"], {name: value for name, value in values.items() if name != "grid"}
    if not isinstance(grid, dict) or not grid:
        raise InputError(f"grid is {short(grid)}; it must be keys with lists: {{\"seed\": \"0..9\", \"style\": "
                         f"[\"clay\", \"marble\"]}}.")
    if twice := sorted(grid.keys() & shared.keys()):
        raise InputError(f"{twice[0]} stands in the grid and beside it; leave one of them out.")
    axes = {name: _axis(name, value) for name, value in grid.items()}
    size = 1
    for axis in axes.values():
        size *= len(axis)
    if size > MOST:
        raise InputError(f"The grid has {size:,} rows; {MOST:,} are the most in one batch.")
    for combination in itertools.product(*axes.values()):
        yield {**shared, **dict(zip(axes, combination))}


def _axis(name: str, value) -> list | range:
    if isinstance(value, str) and (match := _RANGE.fullmatch(value)):
        axis = range(int(match[1]), int(match[2]) + 1)
        if len(axis) <= MOST and axis:
            return axis
        raise InputError(f"{name} of the grid is {value}; write the lower number first, {MOST:,} numbers at most.")
    if not isinstance(value, list) or not value:
        raise InputError(f"{short(name)} of the grid is {short(value)}; it must be a list that is not empty, or a "
                         f"range such as \"0..99\".")
    return value
