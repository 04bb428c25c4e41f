"""Faces without a diffusion model: z from seeds, through the mapping network."""

import dataclasses
from collections.abc import Sequence

import torch

from ..errors import InputError
from ..gan import GanLatent, Generator
from ..seeds import seeded


def random_faces(generator: Generator, seeds: Sequence[int], psi: float = 1.0, cutoff: int | None = None) -> GanLatent:
    """One face a seed, the same on every device and in every batch.

    Args:
        generator: a class of a conditional generator is drawn from the seed too; cameras are frontal.
        psi: truncation, 1 is the full variety and 0 the mean face. cutoff: on the first layers only, None: on all.

    Raises:
        InputError: no seed.
    """
    if not seeds:
        raise InputError("No seed was given; give one for each face.")
    rows = []
    for seed in seeds:
        rng = seeded(seed)
        z = torch.randn(1, generator.config.z_dim, generator=rng)
        rows.append(generator.map(z, generator.random_label(rng), psi, cutoff))
    record = {"seeds": [int(seed) for seed in seeds], "truncation_psi": psi, "truncation_cutoff": cutoff}
    return dataclasses.replace(generator.latent(torch.cat(rows)), record=record)


def sample_w(generator: Generator, count: int, seed: int = 0) -> torch.Tensor:
    """w [count, w_dim] of random z, in one pass; for statistics."""
    rng = seeded(seed)
    z = torch.randn(count, generator.config.z_dim, generator=rng)
    labels = [generator.random_label(rng) for _ in range(count)]
    c = None if labels[0] is None else torch.cat(labels)
    return generator.map(z, c)[:, 0]
