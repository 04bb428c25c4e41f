"""Find where rays meet the field: cone marching from coarse to fine pixels."""

import torch
from torch import Tensor

from .sdf import Field

# (pixels per side of a cone at the finest level, steps); the last level is the pixel itself.
LEVELS = ((8, 14), (4, 6), (2, 5), (1, 7))
BOUND_CENTER = (0.0, -0.25, -0.1)
BOUND_RADIUS = 2.0
SAFETY = 0.9                               # the field is a slight overestimate near thin quadrics


def march(field: Field, origins: Tensor, directions: Tensor, spread: float) -> tuple[Tensor, Tensor]:
    """Distances along the rays and which of them hit.

    Args:
        field: the batch of heads.
        origins: [B, 3] in head units.
        directions: [B, R, R, 3] unit vectors, R divisible by 8.
        spread: half the diagonal of one pixel at distance 1.

    Returns:
        t [B, R, R] in head units and hit, bool [B, R, R].
    """
    resolution = directions.shape[1]
    t = None
    for size, steps in LEVELS:
        coarse = directions.reshape(len(origins), resolution // size, size, resolution // size, size, 3)
        coarse = coarse.mean((2, 4)).flatten(1, 2)                                   # [B, n*n, 3]
        coarse = torch.nn.functional.normalize(coarse, dim=-1).transpose(1, 2).contiguous()
        if t is None:
            t, far = _bound(origins, coarse)
        else:
            side = resolution // size // 2
            t, far = (v.reshape(-1, side, 1, side, 1).expand(-1, side, 2, side, 2).reshape(len(t), -1)
                      for v in (t, far))
        t = _advance(field, origins, coarse, t, far, steps, spread * size if size > 1 else 0.0)
    hit = t < far
    return t.reshape(-1, resolution, resolution), hit.reshape(-1, resolution, resolution)


def _bound(origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """Entry and exit of the bounding sphere along rays [B, 3, N]; a small start where it is missed."""
    offset = origins - origins.new_tensor(BOUND_CENTER)
    along = -(directions * offset[..., None]).sum(1)
    half = (along.square() - offset.square().sum(-1, keepdim=True) + BOUND_RADIUS ** 2).clamp_min(0.01).sqrt()
    return (along - half).clamp_min(0.05), along + half


def _advance(field: Field, origins: Tensor, directions: Tensor, t: Tensor, far: Tensor, steps: int, cone: float) -> Tensor:
    """March the rays that are still inside the bound; cone: radius of the ray's cone at distance 1."""
    alive = (t < far).any(0) if len(t) == 1 else None
    order = _pack(t < far)
    if order.shape[1] == 0:
        return t
    del alive
    d = torch.gather(directions, 2, order[:, None].expand(-1, 3, -1))
    u = torch.gather(t, 1, order)
    limit = torch.gather(far, 1, order)
    for _ in range(steps):
        distance = field.distance(origins[..., None] + d * u[:, None])
        u = u + ((distance - u * cone) * SAFETY).clamp_min(0 if cone else -0.05)
    if not cone:
        # A ray that has not arrived has passed a silhouette: the background is behind it.
        u = torch.where(distance > 0.02, limit + 1, u)
    return t.scatter(1, order, u)


def _pack(active: Tensor) -> Tensor:
    """Indices [B, M] of the active entries of [B, N], M the largest count; spare slots repeat inactive ones."""
    most = int(active.sum(1).max())
    return active.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :most]
