"""Find where rays meet the field: cone marching from coarse to fine pixels."""

import torch
from torch import Tensor

from .sdf import Field

# (pixels per side of a cone at the finest level, steps); the last level is the pixel itself.
LEVELS = ((8, 12), (4, 5), (2, 4), (1, 3))
POLISH = (3, 5, 10)                        # rounds of steps for the rays that have not arrived by then
ARRIVED = 0.004                            # a fifth of a pixel at 128 px
SLOPE_AT_FIRST = 1.1
BOUND_CENTER = (0.0, -0.25, -0.1)
BOUND_RADIUS = 2.0
BLOCK = 32768                              # points evaluated at a time on the CPU
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
                      for v in (t, far))                                             # a fresh copy
        t = _advance(field, origins, coarse, t, far, steps, spread * size if size > 1 else 0.0)
    hit = t < far
    return t.reshape(-1, resolution, resolution), hit.reshape(-1, resolution, resolution)


def _bound(origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """Entry and exit of the bounding sphere along rays [B, 3, N]; a small start where it is missed."""
    offset = origins - origins.new_tensor(BOUND_CENTER)
    along = -(directions * offset[..., None]).sum(1)
    half = (along.square() - offset.square().sum(-1, keepdim=True) + BOUND_RADIUS ** 2).clamp_min(0.01).sqrt()
    return (along - half).clamp_min(0.05), along + half


def _advance(field: Field, origins: Tensor, directions: Tensor, t: Tensor, far: Tensor, steps: int,
             cone: float) -> Tensor:
    """March the rays that are still inside the bound; cone: radius of the ray's cone at distance 1."""
    t, distance = _march_some(field, origins, directions, t, t < far, steps, cone)
    if cone:
        return t
    for steps in POLISH:
        t, distance = _march_some(field, origins, directions, t, (t < far) & (distance > ARRIVED), steps, 0.0, distance)
    # A ray that has not arrived has passed a silhouette: the background is behind it.
    return torch.where(distance > 0.02, far + 1, t)


def _march_some(field: Field, origins: Tensor, directions: Tensor, t: Tensor, active: Tensor, steps: int,
                cone: float, distance: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """March only the active rays; returns t and the last distances [B, N]."""
    distance = torch.zeros_like(t) if distance is None else distance
    for order in block(pack(active)):
        d = torch.gather(directions, 2, order[:, None].expand(-1, 3, -1))
        u = torch.gather(t, 1, order)
        move = last = None
        for _ in range(steps):
            near = field.distance(torch.addcmul(origins[..., None], d, u[:, None]))
            if cone:
                move = ((near - u * cone) * SAFETY).clamp_min_(0)
            else:
                # The secant slope of the distance along the ray; near a silhouette it goes to 0.
                if last is None:
                    slope = SLOPE_AT_FIRST
                else:
                    slope = ((last - near) * move / (move * move + 1e-10)).clamp_(0.65, 1.3)
                move, last = (near / slope).clamp_min_(-0.05), near
            u = u + move
        t.scatter_(1, order, u)
        distance.scatter_(1, order, near)
    return t, distance


def block(order: Tensor) -> tuple[Tensor, ...]:
    """Pieces of [B, M] small enough for the temporaries of a CPU pass to stay in cache; whole elsewhere."""
    if order.is_cuda or order.shape[1] == 0:
        return (order,) if order.shape[1] else ()
    return order.split(max(BLOCK // len(order), 1), dim=1)


def pack(active: Tensor) -> Tensor:
    """Indices [B, M] of the active entries of [B, N], M the largest count; spare slots repeat inactive ones."""
    most = int(active.sum(1).max())
    return active.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :most]
