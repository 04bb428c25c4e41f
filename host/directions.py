"""Directions in models/ddgi/directions, each under a name of its own."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING

import folder_paths

from ..ddgi.errors import InputError
from ..ddgi.native import read_metadata
from . import folders

if TYPE_CHECKING:
    from ..ddgi.gan import Generator
    from ..ddgi.latents import Direction

_INSIDE = ": "      # between a file and one of several directions in it
_NAME = re.compile(r"\w[\w .-]*(?<![ .])", re.ASCII)


def names() -> list[str]:
    """Every direction of every file that can be read, for a drop-down."""
    found = []
    for file in folders.file_names(folders.DIRECTIONS):
        try:
            path = folders.file_path(folders.DIRECTIONS, file)
            inside = _names_in(path, path.stat().st_mtime)
        except (InputError, OSError):
            continue
        found += [file] if len(inside) == 1 else [f"{file}{_INSIDE}{name}" for name in inside]
    return found


@functools.lru_cache(maxsize=1024)
def _names_in(path: Path, changed: float) -> tuple[str, ...]:
    """Names of the directions in one of our files, from its head alone; of another program's file its own."""
    entries = read_metadata(path)["config"].get("directions") if path.suffix == ".safetensors" else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return (path.stem,)
    return tuple(str(entry.get("name")) for entry in entries)


def path_of(name: str) -> tuple[Path, str | None]:
    """(file, name inside it or None) of a name of `names`.

    Raises:
        InputError: there is no such file.
    """
    file, _, inside = name.partition(_INSIDE)
    return folders.file_path(folders.DIRECTIONS, file), inside or None


def check(name: str) -> bool | str:
    """For `validate_inputs`: True, or the sentence that says what is missing."""
    try:
        path_of(name)
    except InputError as error:
        return str(error)
    return True


def load(name: str, generator: Generator | None) -> Direction:
    """The direction of that name; errors as those of `load_directions`."""
    from ..ddgi.latents import load_directions

    path, inside = path_of(name)
    for direction in load_directions(path, generator):
        if inside in (None, direction.name):
            return direction
    raise InputError(f"{path.name} holds no direction {inside!r} any more; press R to refresh the list.")


def save(name: str, directions: list[Direction], *, replace: bool) -> Path:
    """Write a file of directions into the first folder for them.

    Raises:
        InputError: the name cannot be a file's, or there is one and it shall not be replaced.
    """
    from ..ddgi.latents import save_directions

    if not _NAME.fullmatch(name):
        raise InputError(f"The name {name!r} cannot be a file name; use letters, digits, spaces, - and _.")
    path = Path(folder_paths.get_folder_paths(folders.DIRECTIONS)[0]) / f"{name}.safetensors"
    if path.exists() and not replace:
        raise InputError(f"There is a direction {path.name} already; choose another name, or switch on replace.")
    save_directions(path, directions)
    return path
