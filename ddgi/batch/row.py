"""One row of a batch: its keys, checked one by one, each mistake a sentence."""

import dataclasses
import difflib
import re

from ..config import check_number, short
from ..errors import InputError

KEYS = ("prompt", "mask", "scribble", "seed", "style", "edits", "camera", "workflow", "set")
HINTS = ("mask", "scribble")
_LONGEST = 4000                     # characters of a prompt
_SEEDS = 2 ** 64                    # ComfyUI's samplers take no larger ones
_VIEWS, _EDITS = 360, 64
_STRONGEST = 100.0


@dataclasses.dataclass(frozen=True)
class Row:
    """What one row asks for.

    Attributes:
        prompt: words. drawing: path or example's name as written, "" for words alone. hint: "mask", "scribble" or "".
        seed: of the sampler's noise, and of what wildcards choose; None where the row has none.
        style: a style's name, a stylised generator's file, or "".
        edits: (direction's name, strength) pairs. cameras: (yaw, pitch) pairs in degrees.
        workflow: path of a workflow to run in the place of the pack's own chain, or "".
        settings: the row's `set`.
    """

    prompt: str = ""
    drawing: str = ""
    hint: str = ""
    seed: int | None = None
    style: str = ""
    edits: tuple[tuple[str, float], ...] = ()
    cameras: tuple[tuple[float, float], ...] = ()
    workflow: str = ""
    settings: dict = dataclasses.field(default_factory=dict)

    @property
    def number(self) -> int:
        """The seed, 0 where the row has none."""
        return self.seed or 0

    def values(self) -> dict:
        """The row as it would be written, without what it leaves at its default; JSON values."""
        found = {"prompt": self.prompt, self.hint or "mask": self.drawing, "seed": self.seed, "style": self.style,
                 "edits": dict(self.edits), "camera": [list(pair) for pair in self.cameras],
                 "workflow": self.workflow, "set": self.settings}
        return {name: value for name, value in found.items() if value not in ("", None, {}, [])}


def parse_row(values: dict) -> Row:
    """A row from its keys; values may be text, as CSV has it.

    Raises:
        InputError: one clear sentence about the first thing that is wrong.
    """
    values = {name: value for name, value in values.items() if value not in (None, "")}
    for name in values:
        if name not in KEYS:
            near = difflib.get_close_matches(str(name), KEYS, 1)
            meant = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(KEYS)}."
            raise InputError(f"There is no key {short(name)}; {meant}")
    drawn = [hint for hint in HINTS if hint in values]
    if len(drawn) == 2:
        raise InputError("It has both a mask and a scribble; a face follows one drawing, leave one of them out.")
    if "prompt" not in values and "workflow" not in values:
        raise InputError("It has no prompt; say what the face should look like.")
    text = {name: _text(name, values[name]) for name in ("prompt", "style", "workflow", *drawn) if name in values}
    return Row(prompt=" ".join(text.get("prompt", "").split()), drawing=text[drawn[0]] if drawn else "",
               hint=drawn[0] if drawn else "", seed=_seed(values.get("seed")), style=text.get("style", ""),
               edits=_edits(values.get("edits", {})), cameras=_cameras(values.get("camera", [])),
               workflow=text.get("workflow", ""), settings=_settings(values.get("set", {})))


def _text(name: str, value) -> str:
    if not isinstance(value, str):
        raise InputError(f"{name} is {short(value)}; it must be text.")
    if len(value) > _LONGEST:
        raise InputError(f"{name} has {len(value):,} characters; {_LONGEST:,} are the most.")
    return value.strip()


def _seed(value) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch(r"\d{1,20}", value.strip()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _SEEDS:
        raise InputError(f"seed is {short(value)}; it must be a whole number from 0 to 2^64 - 1.")
    return value


def _edits(value) -> tuple[tuple[str, float], ...]:
    """{"smile": 1.5}, or "smile=1.5; age=-1"."""
    if isinstance(value, str):
        pairs = [part.split("=") for part in value.split(";") if part.strip()]
        if any(len(pair) != 2 for pair in pairs):
            raise InputError(f"edits is {short(value)}; write NAME=STRENGTH, several apart by semicolons.")
        value = {name.strip(): _number(strength) for name, strength in pairs}
    if not isinstance(value, dict) or len(value) > _EDITS:
        raise InputError(f"edits is {short(value)}; it must be at most {_EDITS} names of directions, each with a "
                         f"strength: {{\"smile\": 1.5}}.")
    for name, strength in value.items():
        _check_number(f"the strength of the edit {name[:40]!r}", strength, -_STRONGEST, _STRONGEST)
    return tuple(sorted((name, float(strength)) for name, strength in value.items()))


def _cameras(value) -> tuple[tuple[float, float], ...]:
    """[yaw, pitch], a list of such pairs, or "yaw,pitch; yaw,pitch"."""
    given = value
    if isinstance(value, str):
        value = [[_number(angle) for angle in part.split(",")] for part in value.split(";") if part.strip()]
    if isinstance(value, list) and value and not any(isinstance(pair, list) for pair in value):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        raise InputError(f"camera is {short(given)}; it must be yaw and pitch in degrees, [20, 0], or a list of such "
                         f"pairs.")
    if len(value) > _VIEWS:
        raise InputError(f"camera has {len(value)} views; {_VIEWS} are the most.")
    for yaw, pitch in value:
        _check_number("the camera's yaw", yaw, -180, 180)
        _check_number("the camera's pitch", pitch, -89, 89)
    return tuple((float(yaw), float(pitch)) for yaw, pitch in value)


def _number(text: str):
    try:
        return float(text)
    except ValueError:
        return text


def _check_number(name: str, value, least: float, most: float) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InputError(f"{name} is {short(value)}; it must be a number.")
    check_number(name, value, least=least, most=most)


def _settings(value) -> dict:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise InputError(f"set is {short(value)}; it must be names with values: {{\"steps\": 30}}, or of a workflow "
                         f"{{\"NODE.INPUT\": 30}}.")
    for name, inner in value.items():
        if not isinstance(inner, str | int | float | bool):
            raise InputError(f"set.{name[:60]} is {short(inner)}; it must be text, a number, true or false.")
    return dict(sorted(value.items()))
