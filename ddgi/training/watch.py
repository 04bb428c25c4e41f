"""How a training is watched, from a terminal or from a node."""

from collections.abc import Callable
from dataclasses import dataclass

import torch


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
