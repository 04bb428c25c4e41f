"""Faces out of faces: mixed by layers, averaged, picked, stacked, found again."""

import dataclasses
import re
from collections.abc import Sequence

import torch

from ..errors import InputError
from ..gan import GanLatent

_NUMBERS = re.compile(r"(-?\d{1,6})(?:-(\d{1,6}))?")


def stack(latents: Sequence[GanLatent]) -> GanLatent:
    """All faces of several latents, in order.

    The result belongs to the generator of the first; the others must be that one's or its relatives'. Cameras stay
    where every latent has one.

    Raises:
        InputError: no latent, a stranger, or other sizes.
    """
    if not latents:
        raise InputError("No faces were given; connect at least one latent.")
    first = latents[0]
    for other in latents[1:]:
        check_pair(first, other)
    cameras = [None if latent.camera is None else latent.camera.expand(len(latent.ws), -1) for latent in latents]
    camera = None if any(camera is None for camera in cameras) else torch.cat([c.to(cameras[0]) for c in cameras])
    return dataclasses.replace(first, ws=torch.cat([latent.ws.to(first.ws) for latent in latents]), camera=camera)


def check_pair(first: GanLatent, second: GanLatent) -> None:
    """Refuse two latents that no generator could read together; the message has both names."""
    second.lineage.check(first.lineage, "This latent")
    if first.ws.shape[1:] != second.ws.shape[1:]:
        raise InputError(f"A latent of {list(first.ws.shape[1:])} numbers a face was given with one of "
                         f"{list(second.ws.shape[1:])}; use latents of one generator.")


def mix(first: GanLatent, second: GanLatent, layers: Sequence[int], amount: float = 1.0) -> GanLatent:
    """The first faces with these layers of the second (Karras et al. 2019, section 3.1, style mixing).

    Args:
        first, second: as many faces each, or one that is used for all of the other's.
        layers: numbers of w vectors.
        amount: 0 leaves the first bit for bit, 1 takes the second's layers bit for bit; beyond extrapolates.

    Raises:
        InputError: strangers, or batches that do not fit.
    """
    check_pair(first, second)
    a, b = _same_count(first.ws, second.ws.to(first.ws))
    ws, chosen = a.clone(), list(layers)
    if amount == 1.0:
        ws[:, chosen] = b[:, chosen]
    elif amount != 0.0:
        ws[:, chosen] = torch.lerp(a[:, chosen], b[:, chosen], amount)
    camera = first.camera if first.camera is None or len(first.camera) in (1, len(ws)) else None
    return dataclasses.replace(first, ws=ws, camera=camera)


def _same_count(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if len(a) != len(b) and 1 not in (len(a), len(b)):
        raise InputError(f"{len(a)} faces were given with {len(b)}; give as many of both, or one of either.")
    count = max(len(a), len(b))
    return a.expand(count, -1, -1), b.expand(count, -1, -1)


def average(latent: GanLatent, weights: Sequence[float] | None = None) -> GanLatent:
    """One face between all faces of the batch; its camera is the first's.

    Raises:
        InputError: another number of weights than faces, or weights whose sum is not above 0.
    """
    weights = [1.0] * len(latent.ws) if weights is None else list(weights)
    if len(weights) != len(latent.ws) or not sum(weights) > 0:
        raise InputError(f"The weights {weights} were given for {len(latent.ws)} faces; give one number for each, with "
                         f"a sum above 0.")
    shares = torch.tensor(weights, dtype=torch.float64, device=latent.ws.device) / sum(weights)
    ws = torch.einsum("b, b l w -> l w", shares, latent.ws.double())[None].to(latent.ws.dtype)
    return dataclasses.replace(latent, ws=ws, camera=None if latent.camera is None else latent.camera[:1])


def pick(latent: GanLatent, numbers: Sequence[int]) -> GanLatent:
    """Those faces of the batch, in this order; -1 is the last.

    Raises:
        InputError: no number, or one that the batch does not have.
    """
    count = len(latent.ws)
    if wrong := [number for number in numbers if not -count <= number < count]:
        raise InputError(f"Face {wrong[0]} was asked for, but there are {count}, numbered from 0 to {count - 1}.")
    if not numbers:
        raise InputError(f"No face was chosen; there are {count}, numbered from 0.")
    chosen = list(numbers)
    camera = latent.camera if latent.camera is None or len(latent.camera) == 1 else latent.camera[chosen]
    return dataclasses.replace(latent, ws=latent.ws[chosen], camera=camera)


def nearest(latent: GanLatent, target: GanLatent, count: int = 1) -> list[int]:
    """Numbers of the `count` faces of the batch whose w vectors lie nearest to the target's first face.

    Raises:
        InputError: strangers.
    """
    check_pair(latent, target)
    distance = (latent.ws - target.ws[:1].to(latent.ws)).double().square().mean((1, 2))
    return distance.argsort(stable=True)[:max(count, 1)].tolist()


def parse_numbers(text: str, count: int) -> list[int]:
    """Face numbers of "0, 2-4, -1", in the order in which they are written.

    Raises:
        InputError: something else than numbers, or more of them than there are faces.
    """
    found = []
    for word in filter(None, re.split(r"[,;\s]+", text)):
        match = _NUMBERS.fullmatch(word)
        if match is None:
            raise InputError(f"The numbers {text[:60]!r} were given; write numbers such as 0, 2-4, -1.")
        low, high = int(match[1]), int(match[2] or match[1])
        if high - low >= count:
            raise InputError(f"The faces {word} were asked for, but there are {count}, numbered from 0.")
        found += range(low, high + 1)
    return found
