"""Generators that were made here, kept in models/ddgi/generators."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import folder_paths

from ..ddgi.errors import InputError
from . import folders
from .managed import ManagedModel, managed_copy

if TYPE_CHECKING:
    from ..ddgi.gan import Generator

_NAME = re.compile(r"\w[\w .-]*(?<![ .])", re.ASCII)


def new_file(name: str, *, replace: bool = False) -> Path:
    """Where a generator of this name goes, in the first folder for generators.

    Raises:
        InputError: the name cannot be a file's, or there is one and it shall not be replaced.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"The name {name!r} cannot be a file name; use letters, digits, spaces, - and _.")
    path = Path(folder_paths.get_folder_paths(folders.GENERATORS)[0]) / f"{name}.safetensors"
    if path.exists() and not replace:
        raise InputError(f"There is a generator {path.name} already; choose another name, or switch on replace.")
    return path


def keep(path: Path, generator: Generator, base: ManagedModel[Generator] | None = None) -> ManagedModel[Generator]:
    """Write a generator's file, and give the generator that the file holds.

    base: the one it comes from; where that has a file of its own, only the differences to it are written.
    """
    from ..ddgi.checkpoints.difference import save_difference

    if base is None or base.path is None or base.path == path:
        generator.save(path)
    else:
        generator = save_difference(path, generator, base.value, base.path.name)
    return managed_copy(generator, path)
