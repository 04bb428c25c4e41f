"""Directions from words: what a bridge reads from one prompt and from another, over the same noises."""

import torch

from ..config import check_number
from ..errors import InputError
from ..gan import GanLatent
from .direction import Direction


def word_direction(asked: GanLatent, plain: GanLatent, name: str, *, clean: float = 1.0,
                   record: dict | None = None) -> Direction:
    """From the faces of one prompt to those of another.

    The mean difference m also holds what the two sets differ in by chance, and what goes along with the words in the
    training pictures. Both lie along axes on which faces of one and the same prompt differ anyway, so those axes count
    less: with the covariance S of faces around the mean of their prompt, the direction is n = (I + S / v)^-1 m, which
    is that of a regularised linear discriminant (Friedman 1989), and as long as it must be to tell the prompts apart as
    well as m does: n (n . m) / (n . n).

    Args:
        asked, plain: N faces each of a prompt that has the words and of one that has not, face i of both from the same
            noise.
        clean: 0 leaves the mean difference as it is. 1 takes the mean variance of S for v; 10 a tenth of it.

    Returns:
        A W+ direction; strength 1 goes from the mean face of `plain` about to that of `asked`.

    Raises:
        InputError: fewer than two faces, other counts, strangers, or prompts that the bridge reads alike.
    """
    check_number("The cleaning", clean, least=0.0, most=1e6)
    a, b = (latent.ws.detach().cpu().double().flatten(1) for latent in (asked, plain))
    if a.shape != b.shape or len(a) < 2:
        raise InputError(f"Latents of shape {list(asked.ws.shape)} and {list(plain.ws.shape)} were given; a word "
                         f"direction needs as many faces of both prompts, two at least.")
    asked.lineage.check(plain.lineage, "This latent")
    difference = (a - b).mean(0)
    if not difference.any():
        raise InputError("The bridge reads both prompts alike, so there is no direction between them; write other "
                         "prompts.")
    around = torch.cat([a - a.mean(0), b - b.mean(0)])
    offset = _discriminant(difference, around, clean) if clean else difference
    found = {"method": "words", "faces": len(a), "clean": clean, **(record or {})}
    return Direction(name, offset.reshape(asked.ws.shape[1:]).float(), asked.lineage, None, found)


def _discriminant(difference: torch.Tensor, around: torch.Tensor, clean: float) -> torch.Tensor:
    """n (n . m) / (n . n) for n = (I + S clean / mean variance)^-1 m; S is that of the rows of `around`."""
    _, sizes, axes = torch.linalg.svd(around, full_matrices=False)
    variances = sizes.square() / max(len(around) - 2, 1)
    if not variances.any():
        return difference
    along = axes @ difference
    ratio = variances / variances.mean() * clean
    normal = difference - axes.T @ (along * ratio / (1 + ratio))
    return normal * (normal @ difference) / (normal @ normal)
