"""What every source gives: samples, a list of problems, and a stable split."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError


@dataclass(frozen=True)
class Sample:
    """One thing to learn from.

    Attributes:
        name: stable and unique within its source.
        prompt: what the text encoder reads.
        hint: [3, H, W] in 0..1: the 19-class mask in the colours of `ddgi.palette`, or black lines on white; None
            where the prompt alone is given.
        hint_kind: "mask" or "scribble", also of a hint that is not given.
        image: [3, R, R] in -1..1, or None.
        mask: classes uint8 [R, R] in 0..18, or None.
        camera: EG3D label [25], or None.
        w: the latent [num_ws, w_dim] that gives `image`, where it is known, else None.
        described: whether the prompt tells of `image`; False where it was drawn without looking at it.
        on_white: whether the generator draws heads alone: targets are white where the mask shows none of the head.
    """

    name: str
    prompt: str
    hint: Tensor | None
    hint_kind: str
    image: Tensor | None = None
    mask: Tensor | None = None
    camera: Tensor | None = None
    w: Tensor | None = None
    described: bool = True
    on_white: bool = False


@dataclass(frozen=True)
class Problem:
    """Something wrong with one file; `reason` completes "<file>: ..."."""

    file: str
    reason: str


class BrokenFile(InputError):
    """One file cannot be used; `file` is its path, `reason` completes "<file>: ..."."""

    def __init__(self, file: Path, reason: str):
        super().__init__(f"{Path(file).name}: {reason}; repair or remove the file.")
        self.file, self.reason = Path(file), reason


@runtime_checkable
class Source(Protocol):
    """Samples by index; `Items` is the base of ours.

    `sample` depends only on its arguments and on the files, so a resumed run sees what an uninterrupted one does.
    """

    problems: list[Problem]

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """The name of item `index`, without reading it."""

    def sample(self, index: int, rng: torch.Generator) -> Sample:
        """Item `index`; every choice (hint, caption, crop, flip) is drawn from `rng`, a stream on the CPU."""

    def describe(self) -> dict:
        """What the training record keeps: JSON values only."""

    def contents(self, progress: Callable[[int, int], None]) -> dict[str, str]:
        """A digest of each file that samples are read from, by its name; progress(files done, files in all)."""


class Items:
    """A source whose files may turn out broken when they are read: the next usable item stands in for a broken one.

    `problems` is filled at construction; what is met later is added once. `notes` are sentences for the user on how
    files are read.
    """

    problems: list[Problem]
    notes: Sequence[str] = ()

    def __len__(self) -> int:
        raise NotImplementedError

    def read(self, index: int, rng: torch.Generator) -> Sample:
        """Item `index`; raises BrokenFile where it cannot be read."""
        raise NotImplementedError

    def label(self, file: Path) -> str:
        """How problems name a file."""
        return Path(file).name

    def contents(self, progress: Callable[[int, int], None]) -> dict[str, str]:
        """None: what is made is described."""
        return {}

    def sample(self, index: int, rng: torch.Generator) -> Sample:
        """Item `index`, or the first after it that can be read.

        Raises:
            InputError: none can be read.
        """
        for offset in range(len(self)):
            try:
                return self.read((index + offset) % len(self), rng)
            except BrokenFile as broken:
                problem = Problem(self.label(broken.file), broken.reason)
                if problem not in self.problems:
                    self.problems.append(problem)
        raise InputError(f"None of the {len(self)} items can be read any more ({problem_lines(self.problems)[:1]}); "
                         f"check that the data is still in its place.")


class Subset(Items):
    """Some items of a source; one of its own items stands in for a broken one."""

    def __init__(self, source: Items, indices: Sequence[int], part: str = "subset"):
        self.source, self.indices, self.part = source, np.asarray(indices, dtype=np.int64), part

    @property
    def problems(self) -> list[Problem]:
        return self.source.problems

    @property
    def notes(self) -> Sequence[str]:
        return self.source.notes

    def __len__(self) -> int:
        return len(self.indices)

    def name(self, index: int) -> str:
        return self.source.name(int(self.indices[index]))

    def label(self, file: Path) -> str:
        return self.source.label(file)

    def read(self, index: int, rng: torch.Generator) -> Sample:
        return self.source.read(int(self.indices[index]), rng)

    def contents(self, progress: Callable[[int, int], None]) -> dict[str, str]:
        return self.source.contents(progress)

    def describe(self) -> dict:
        return {**self.source.describe(), "part": self.part, "part_items": len(self)}


def split(source: Items, held_out: float = 0.05) -> tuple[Subset, Subset]:
    """(training, held-out) parts of a source, by a hash of the items' names.

    An item stays on its side whatever is added to or removed from the source, but for sources so small that no hash
    falls below the share: then the item with the smallest hash is held out.

    Args:
        held_out: share in 0..1, both ends excluded.

    Raises:
        InputError: a share out of range, or fewer than two items.
    """
    if not 0 < held_out < 1:
        raise InputError(f"A held-out share of {held_out} was given; it must be above 0 and below 1 (0.05 is usual).")
    if len(source) < 2:
        raise InputError(f"The data has {len(source)} usable items, too few to hold one out; give at least 2.")
    hashes = np.fromiter((name_hash(source.name(index)) for index in range(len(source))), np.float64, len(source))
    order = hashes.argsort(kind="stable")
    count = min(max(int((hashes < held_out).sum()), 1), len(order) - 1)
    return Subset(source, np.sort(order[count:]), "train"), Subset(source, np.sort(order[:count]), "held-out")


def name_hash(name: str) -> float:
    """A number in [0, 1) that depends on the name alone: the first 53 bits of its SHA-256."""
    return (int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 11) / 2 ** 53


def problem_lines(problems: Sequence[Problem], examples: int = 5) -> list[str]:
    """One line for each kind of problem, the commonest first: "12 x the caption is empty: 00001.txt, ..."."""
    kinds: dict[str, list[str]] = {}
    for problem in problems:
        kinds.setdefault(problem.reason, []).append(problem.file)
    lines = []
    for reason, files in sorted(kinds.items(), key=lambda kind: -len(kind[1])):
        more = ", ..." if len(files) > examples else ""
        lines.append(f"{len(files)} x {reason}: {', '.join(files[:examples])}{more}")
    return lines
