"""Batch files in ComfyUI's input folder, for a drop-down, and their rows as a graph takes them."""

from dataclasses import dataclass
from pathlib import Path

import folder_paths
import numpy as np
import torch
from comfy_execution.graph import ExecutionBlocker

from ..ddgi.errors import InputError
from ..ddgi.pictures import image_from_bytes
from .listing import Listing

RECIPES = Path(__file__).resolve().parents[1] / "recipes"
_OWN = "recipes/"
_LISTINGS = [Listing(suffix) for suffix in (".jsonl", ".csv")]


def names() -> list[str]:
    """The files of the input folder, newest first, then those of the pack."""
    found = [entry for listing in _LISTINGS for entry in listing.names(folder_paths.get_input_directory())]
    own = [_OWN + path.name for path in sorted(RECIPES.glob("*.jsonl"))]
    return [name for _, name in sorted(found, key=lambda entry: (-entry[0], entry[1]))] + own


def path_of(name: str) -> Path:
    """The file behind a name of `names`.

    Raises:
        InputError: there is none.
    """
    own = RECIPES / name.removeprefix(_OWN)
    if name.startswith(_OWN) and own.parent == RECIPES and own.is_file():
        return own
    root = Path(folder_paths.get_input_directory()).resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        raise InputError(f"There is no file of rows {name!r} in {root}; put a .jsonl or .csv file there and press R to "
                         f"refresh the list.")
    return path


@dataclass(frozen=True)
class GraphRow:
    """prompt, seed, name: of a row. drawing: IMAGE, or what stops nodes that take it where the row has none."""

    prompt: str
    drawing: "torch.Tensor | ExecutionBlocker"
    seed: int
    name: str


def rows(name: str, index: int, count: int) -> tuple[list[GraphRow], list[str]]:
    """`count` rows from number `index` on, those without mistakes, and lines that say what was taken.

    Raises:
        InputError: the file has no row of that number, or every row has a mistake; the first one's is told.
    """
    from ..ddgi.batch import plan_jobs, read_jobs
    from ..ddgi.batch.folders import Folders
    from .batch.lookup import HostLookup

    path = path_of(name)
    entries = read_jobs(path)
    if index >= len(entries):
        raise InputError(f"Row {index} was asked for, but {path.name} has {len(entries):,}, numbered from 0.")
    lookup = HostLookup()
    plan = plan_jobs(entries[index:index + count], Folders(path, examples=lookup.examples), lookup)
    lines = [f"Row {label}: {problem}" for label, problem in plan.problems.items()]
    if not plan.jobs:
        raise InputError(lines[0])
    last = min(index + count, len(entries)) - 1
    taken = f"Row {index}" if last == index else f"Rows {index} to {last}"
    return [_row(job) for job in plan.jobs], [f"{taken} of {len(entries):,}, numbered from 0.", *lines]


def _row(job) -> GraphRow:
    from ..ddgi.training.data.pictures import open_picture

    if "drawing" in job.files:
        pixels = np.array(open_picture(job.files["drawing"]).convert("RGB"))
        drawing = image_from_bytes(torch.from_numpy(pixels))[None]
    else:
        drawing = ExecutionBlocker(f"Row {job.label} has no drawing; connect only its prompt, or give it one.")
    return GraphRow(job.prompt, drawing, job.row.number, job.name)
