"""Contact sheets of directions: a row for each direction and face, a column for each strength."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from ..gan import GanLatent, Generator
from ..lettering import lettered
from ..pictures import resize, to_bytes
from .direction import Direction, series


@torch.no_grad()
def direction_sheet(generator: Generator, latent: GanLatent, directions: Sequence[Direction],
                    strengths: Sequence[float], layers: tuple[int, ...] | None = None, size: int = 128, *,
                    progress: Callable[[int], None] = lambda done: None) -> torch.Tensor:
    """What directions do to faces.

    Args:
        latent: B faces, each in a row of its own for every direction.
        size: of each picture, in pixels.
        progress: called with the number of pictures rendered so far; it may raise to stop.

    Returns:
        Bytes [H, W, 3]: names of the directions at the left, strengths at the top.
    """
    rows, names, done = [], [], 0
    for direction in directions:
        moved = series(latent, direction, strengths, layers)
        pictures = generator.render(moved, progress=lambda count, _, before=done: progress(before + count)).image
        done += len(moved.ws)
        small = to_bytes(resize(pictures, size).clamp(-1, 1)).cpu()
        rows += small.unflatten(0, (len(latent.ws), len(strengths)))
        names += [direction.name, *[""] * (len(latent.ws) - 1)]
    sheet = lettered(torch.stack(rows), names, [f"{strength:+g}" if strength else "0" for strength in strengths])
    return torch.from_numpy(np.asarray(sheet).copy())
