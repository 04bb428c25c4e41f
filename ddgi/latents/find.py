"""Directions without words: from the weights (SeFa), from sampled w (GANSpace), from labelled latents."""

from collections.abc import Sequence

import torch

from ..config import check_count
from ..errors import InputError
from ..gan import GanLatent, Generator
from .direction import Direction
from .sample import sample_w
from .stylespace import channel_styles, from_styles

SPREAD_SAMPLES = 2048       # w vectors that say how far a generator's faces lie apart along a direction
PCA_SAMPLES = 10_000        # Harkonen et al. 2020 use 10^4 to 10^6
RIDGE = 1e-2                # of the mean variance, for labelled latents that are fewer than their numbers


def sefa(weights: Sequence[torch.Tensor], count: int, first: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Closed-form factorisation (Shen and Zhou 2021, eq. 6): what changes the styles most for a step in w.

    Args:
        weights: matrices [channels, w_dim] that turn w into the styles of one layer each.
        count, first: which of the eigenvectors of A^T A, largest eigenvalue first; A is the matrices on each other.

    Returns:
        Unit vectors [count, w_dim], double, and their eigenvalues [count].
    """
    stacked = torch.cat([weight.detach().cpu().double() for weight in weights])
    values, vectors = torch.linalg.eigh(stacked.T @ stacked)
    chosen = slice(first, first + count)
    return _signed(vectors.T.flip(0)[chosen]), values.flip(0)[chosen]


def principal_axes(w: torch.Tensor, count: int, first: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Principal axes of w [N, w_dim] (Harkonen et al. 2020): unit vectors [count, w_dim], double, and deviations."""
    centred = w.detach().cpu().double()
    centred = centred - centred.mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / max(len(w) - 1, 1))
    chosen = slice(first, first + count)
    return _signed(vectors.T.flip(0)[chosen]), values.flip(0)[chosen].clamp_min(0).sqrt()


def _signed(vectors: torch.Tensor) -> torch.Tensor:
    """Each row with its largest number positive: solvers choose either sign."""
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return vectors * largest.sign()


def sefa_directions(generator: Generator, count: int = 8, first: int = 0,
                    layers: tuple[int, ...] | None = None) -> list[Direction]:
    """SeFa's directions of a generator; strength 1 is one standard deviation of its w along each.

    Args:
        layers: whose styles count, and where the directions act; None for all.
    """
    _check_axes(generator, count, first)
    weights = [layer.weight for layer in generator.style_layers() if layers is None or layer.index in layers]
    vectors, values = sefa(weights, count, first)
    spread = (sample_w(generator, SPREAD_SAMPLES).cpu().double() @ vectors.T).std(0)
    return [Direction(f"SeFa {first + index}", (vector * size).float(), generator.lineage, layers,
                      {"method": "sefa", "number": first + index, "eigenvalue": value})
            for index, (vector, size, value) in enumerate(zip(vectors, spread, values.tolist()))]


def pca_directions(generator: Generator, count: int = 8, first: int = 0, layers: tuple[int, ...] | None = None, *,
                   samples: int = PCA_SAMPLES, seed: int = 0) -> list[Direction]:
    """Principal axes of a generator's w; strength 1 is one standard deviation along each."""
    _check_axes(generator, count, first)
    vectors, spread = principal_axes(sample_w(generator, samples, seed), count, first)
    return [Direction(f"PCA {first + index}", (vector * size).float(), generator.lineage, layers,
                      {"method": "pca", "number": first + index, "samples": samples, "seed": seed})
            for index, (vector, size) in enumerate(zip(vectors, spread))]


def _check_axes(generator: Generator, count: int, first: int) -> None:
    check_count("The number of directions", count, 1, generator.config.w_dim)
    check_count("The first direction", first, 0, generator.config.w_dim - count)


def channel_direction(generator: Generator, layer: int, channel: int) -> Direction:
    """The W+ direction that comes nearest to moving one style channel (Wu et al. 2021).

    Strength 1 is one standard deviation of the channel over the generator's faces. `layer` counts ToRGB layers, too.

    Raises:
        InputError: the generator has no such layer or channel.
    """
    offset, reached = from_styles(generator, channel_styles(generator, layer, channel))
    row = generator.style_layers()[layer].weight[channel].detach().cpu().double()
    spread = (sample_w(generator, SPREAD_SAMPLES).cpu().double() @ row).std()
    return Direction(f"style {layer}, channel {channel}", (offset.double() * spread).float(), generator.lineage, None,
                     {"method": "channel", "layer": layer, "channel": channel, "reached": round(reached, 4)})


def fit_direction(latent: GanLatent, labels: Sequence[float], name: str) -> Direction:
    """The direction along which labelled faces change their label, by ridge regression.

    Args:
        latent: N faces. labels: one number a face: 0 and 1 for without and with, or any score.

    Returns:
        A W+ direction, as short as it can be; strength 1 changes the fitted label as much as the mean faces with 1 and
        0 differ in it, or by one standard deviation of the scores.

    Raises:
        InputError: another number of labels, or labels that are all alike.
    """
    scores = torch.as_tensor(labels, dtype=torch.float64).flatten()
    if len(scores) != len(latent.ws) or not torch.isfinite(scores).all():
        raise InputError(f"{len(scores)} labels were given for {len(latent.ws)} faces; give one number for each.")
    if scores.unique().numel() < 2:
        raise InputError("All labels are alike, so nothing tells the faces apart; label some faces otherwise.")
    points = latent.ws.detach().cpu().double().flatten(1)
    centred, targets = points - points.mean(0), scores - scores.mean()
    gram = centred @ centred.T          # in the span of the faces: fewer than there are numbers in a latent
    gram += torch.eye(len(gram)).to(gram) * RIDGE * gram.diagonal().mean()
    normal = centred.T @ torch.linalg.solve(gram, targets)
    fitted = centred @ normal
    is_yes_or_no = bool(((scores == 0) | (scores == 1)).all())
    change = fitted[scores == 1].mean() - fitted[scores == 0].mean() if is_yes_or_no else fitted.std()
    offset = normal * change / normal.square().sum()
    return Direction(name, offset.reshape(latent.ws.shape[1:]).float(), latent.lineage, None,
                     {"method": "labels", "faces": len(scores)})
