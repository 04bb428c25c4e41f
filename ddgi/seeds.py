"""Random streams by number: the same number draws the same, on every device and whatever was drawn before."""

import hashlib
from collections.abc import Sequence

import torch

from .errors import InputError


def seeded(seed: int) -> torch.Generator:
    """The random stream of a seed, on the CPU."""
    return torch.Generator().manual_seed(int(seed))


def numbered(seed: int, number: int) -> torch.Generator:
    """Stream number `number` of a seed: of a training step, of a pass."""
    return seeded(seed * 1_000_003 + number)


def check_seeds(seeds: Sequence[int]) -> None:
    """Refuse no seeds and repeated ones, which would be two items of one name."""
    different = len(seeds) if isinstance(seeds, range) else len(set(seeds))
    if different == 0 or different != len(seeds):
        raise InputError(f"{len(seeds)} seeds with {different} different values were given; give at least one and "
                         f"none twice.")


def describe_seeds(seeds: Sequence[int]) -> dict:
    """JSON values: a range as it is, a list by its length and hash."""
    if isinstance(seeds, range):
        return {"start": seeds.start, "stop": seeds.stop, "step": seeds.step}
    digest = hashlib.sha256(repr(list(seeds)).encode()).hexdigest()[:16]
    return {"count": len(seeds), "hash": digest}
