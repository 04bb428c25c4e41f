"""The folder of a training: what it was started with, what it has read, and its curves."""

import hashlib
import json
from pathlib import Path

from ..config import short
from ..errors import InputError, first_line
from ..files import write_text

IDENTITY, CONTENTS = "training.json", "contents.json"


def keep_identity(folder: Path, identity: dict, contents: dict[str, str]) -> None:
    """Write down what a training is started with, or compare it with what is written there.

    Args:
        identity: JSON values. contents: a digest of each file that the data is read from.

    Raises:
        InputError: the folder holds a training with other choices, models or data; the message names the first.
    """
    if not (folder / IDENTITY).exists():
        _write(folder / CONTENTS, contents)
        _write(folder / IDENTITY, identity)
        return
    before = read_contents(folder)
    if before and contents and (change := _first_change(before, contents)):
        raise InputError(f"The training in {folder} was started with other data: {change}; set it back to go on, or "
                         f"train in another folder.")
    check_identity(folder, identity)


def check_identity(folder: Path, identity: dict) -> None:
    """Compare with what another process has written.

    Raises:
        InputError: as `keep_identity`, or there is nothing.
    """
    path = folder / IDENTITY
    if not path.exists():
        raise InputError(f"The main process wrote {path}, but this one cannot see it; give all machines one shared "
                         f"folder.")
    if difference := first_difference(_without_names(_read(path)), _without_names(json.loads(json.dumps(identity)))):
        raise InputError(f"The training in {folder} was started with {difference}; set it back to go on, or train in "
                         f"another folder.")


def _without_names(identity: dict) -> dict:
    """Models are what their weights are, whatever their files are called."""
    return {key: {name: inner for name, inner in value.items() if name != "name"} if isinstance(value, dict) else value
            for key, value in identity.items()}


def read_contents(folder: Path) -> dict[str, str]:
    """The digest of each file that the data of a training was read from; none where it is made."""
    return _read(folder / CONTENTS) if (folder / CONTENTS).exists() else {}


def first_difference(old, new, name: str = "") -> str | None:
    """"mapping.rate = 0.1, and now it is 0.2", or None."""
    if isinstance(old, dict) and new is None or isinstance(new, dict) and old is None:
        old, new = old or {}, new or {}
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            if found := first_difference(old.get(key), new.get(key), f"{name}.{key}".lstrip(".")):
                return found
        return None
    return None if old == new else f"{name} = {short(old)}, and now it is {short(new)}"


def digest(contents: dict[str, str]) -> str:
    """One short name for all contents."""
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()[:16]


def curve_lines(log: Path) -> list[tuple[str, dict | None]]:
    """Each line of a stage's curves, and its values, "step" among them; None where it was cut or is no such line."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True) if log.exists() else []
    return [(line, _values(line)) for line in lines]


def _values(line: str) -> dict | None:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) and isinstance(values.get("step"), int) else None


def last_lines(log: Path) -> dict:
    """The last losses and the last held-out score in the curves of a stage."""
    found: dict = {}
    for _, values in curve_lines(log):
        found |= values or {}
    return found


def _first_change(old: dict[str, str], new: dict[str, str]) -> str | None:
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            return f"{name} " + ("is new" if name not in old else "is gone" if name not in new else "has changed")
    return None


def _write(path: Path, values: dict) -> None:
    write_text(path, json.dumps(values, indent=2))


def _read(path: Path) -> dict:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read ({first_line(error)}), so nobody knows what the training there was "
                         f"started with; put that file back, or train in another folder.") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no settings, so nobody knows what the training there was started with; put "
                         f"that file back, or train in another folder.")
    return values
