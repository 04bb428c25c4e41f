"""How a training is watched, from a terminal or from a node."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from ..files import atomic_path
from ..pictures import sheet


def _nothing(*values) -> None:
    pass


@dataclass(frozen=True)
class Watch:
    """Callbacks of a training; the default is silence.

    Attributes:
        report: gets lines for people.
        progress: gets (what is being done, steps done, steps in all); it may raise to stop, and everything done so
            far is kept.
        preview: gets (stage, step, pictures [2, n, 3, S, S] in -1..1): n held-out targets, and what they came out as.
    """

    report: Callable[[str], None] = _nothing
    progress: Callable[[str, int, int], None] = _nothing
    preview: Callable[[str, int, torch.Tensor], None] = _nothing

    def making(self, what: str) -> Callable[[int, int], None]:
        """progress(done, total) for one thing."""
        return lambda done, total: self.progress(what, done, total)

    def damaged(self, path: Path) -> None:
        """Say that a file that training keeps was cut short, and is made anew."""
        self.report(f"problem          {path.name} in {path.parent} is damaged and is made anew")


def save_preview(folder: Path, stage: str, step: int, pictures: torch.Tensor) -> Image.Image:
    """Write a preview into `folder`/previews: held-out targets above, what they came out as below.

    Args:
        pictures: [2, n, 3, S, S] in -1..1, as `Watch.preview` gets them.

    Returns:
        The sheet, n S wide and 2 S high.
    """
    picture = sheet(pictures)
    with atomic_path(folder / "previews" / f"{stage}-{step:07}.png") as temporary:
        picture.save(temporary, format="PNG")
    return picture


def last_preview(folder: Path) -> Image.Image | None:
    """The latest whole sheet of a training: of T if there is one, else of M; None if there is none."""
    for file in sorted((folder / "previews").glob("*.png"), reverse=True):  # "mapping" comes before "modulation"
        with contextlib.suppress(OSError, SyntaxError):                     # as Pillow calls a cut file
            return Image.open(file).convert("RGB")
    return None
