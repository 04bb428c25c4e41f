"""Directions: what to add to a latent for more glasses, more age, more light; and edits with several of them."""

import dataclasses
from collections.abc import Iterable, Sequence

import torch

from ..errors import InputError
from ..gan import GanLatent
from ..gan.lineage import Lineage

_NOTHING_LEFT = 1e-4    # of a direction's length: what rounding leaves of one that was projected out


@dataclasses.dataclass(frozen=True, eq=False)
class Direction:
    """A named way to change faces of one generator and its relatives.

    Attributes:
        name: for people.
        offset: [w_dim], added to every layer, or [num_ws, w_dim]; strength 1 adds it once.
        lineage: the generator whose latents it changes.
        layers: the w vectors it acts on, or None for all.
        record: how it was found, as plain values for JSON.

    Raises:
        InputError: a wrong shape, values that are not finite, or nothing but zeros.
    """

    name: str
    offset: torch.Tensor
    lineage: Lineage
    layers: tuple[int, ...] | None = None
    record: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        offset = self.offset
        if offset.ndim not in (1, 2) or not offset.is_floating_point() or offset.numel() == 0:
            raise InputError(f"The direction {self.name!r} has shape {list(offset.shape)} and type {offset.dtype}; it "
                             f"must be floats of shape [w_dim] or [num_ws, w_dim].")
        if not torch.isfinite(offset).all() or not offset.any():
            raise InputError(f"The direction {self.name!r} holds only zeros, or values that are not finite; find it "
                             f"again.")

    def check(self, lineage: Lineage, num_ws: int, w_dim: int) -> None:
        """Refuse latents of another generator or another space.

        Raises:
            InputError: the message has both names and both sizes.
        """
        what = f"The direction {self.name!r}"
        shape = list(self.offset.shape)
        if shape[-1] != w_dim or (len(shape) == 2 and shape[0] != num_ws):
            raise InputError(f"{what} was made for generator {self.lineage.called()} and has {shape} numbers, but "
                             f"{lineage.called()} has latents of {[num_ws, w_dim]}; use a direction of that "
                             f"generator.")
        self.lineage.check(lineage, what)
        if self.layers is not None and max(self.layers, default=-1) >= num_ws:
            raise InputError(f"{what} acts on layer {max(self.layers)}, but {lineage.called()} has layers 0 to "
                             f"{num_ws - 1}; use a direction of that generator.")

    def spread(self, num_ws: int, layers: Sequence[int] | None = None) -> torch.Tensor:
        """The offset [num_ws, w_dim], double, zero outside its own layers and these ones."""
        own = range(num_ws) if self.layers is None else self.layers
        chosen = sorted(set(own) & set(range(num_ws) if layers is None else layers))
        spread = torch.zeros(num_ws, self.offset.shape[-1], dtype=torch.float64)
        spread[chosen] = self.offset.detach().cpu().double().expand(num_ws, -1)[chosen]
        return spread


@dataclasses.dataclass(frozen=True)
class Move:
    """One direction of an edit: how far, and on which layers (None: its own)."""

    direction: Direction
    strength: float
    layers: tuple[int, ...] | None = None


def unmoved(moves: Iterable[Move]) -> list[Direction]:
    """Directions of strength 0: what an edit with the others may keep as it is."""
    return [move.direction for move in moves if not move.strength]


def edit(latent: GanLatent, moves: Sequence[Move], keep: Sequence[Direction] = ()) -> GanLatent:
    """The faces moved along several directions at once.

    Args:
        latent: strengths of 0 leave it as it is, bit for bit; so do layers that no direction touches.
        keep: directions along which nothing shall change: each move is projected onto what is orthogonal to them
            (Shen et al. 2020, "Interpreting the latent space of GANs", section 3.3), on the layers where it acts.

    Raises:
        InputError: a stranger, or a direction of which nothing is left beside those that are kept.
    """
    num_ws, w_dim = latent.ws.shape[1:]
    for direction in (*(move.direction for move in moves), *keep):
        direction.check(latent.lineage, num_ws, w_dim)
    total = torch.zeros(num_ws, w_dim, dtype=torch.float64)
    for move in moves:
        if move.strength:
            total += move.strength * _without(move, keep, num_ws)
    touched = total.ne(0).any(1)
    if not touched.any():
        return latent
    ws = latent.ws.clone()
    ws[:, touched] = (ws[:, touched].double() + total[touched].to(ws.device)).to(ws.dtype)
    return dataclasses.replace(latent, ws=ws)


def _without(move: Move, keep: Sequence[Direction], num_ws: int) -> torch.Tensor:
    """The move's offset [num_ws, w_dim] without what lies along the kept directions."""
    offset = move.direction.spread(num_ws, move.layers)
    touched = offset.ne(0).any(1)
    held = [direction.spread(num_ws)[touched].flatten() for direction in keep]
    held = [row / row.norm() for row in held if row.any()]
    if not held:
        return offset
    _, values, axes = torch.linalg.svd(torch.stack(held), full_matrices=False)
    axes = axes[values > 1e-6 * values.max()]
    inner = offset[touched].flatten()
    left = inner - axes.T @ (axes @ inner)
    if left.norm() < _NOTHING_LEFT * inner.norm():
        raise InputError(f"The direction {move.direction.name!r} is nothing but what shall be kept; keep fewer "
                         f"directions.")
    offset[touched] = left.reshape(-1, offset.shape[1])
    return offset


def series(latent: GanLatent, direction: Direction, strengths: Sequence[float],
           layers: tuple[int, ...] | None = None) -> GanLatent:
    """Each face at each strength: B faces and S strengths give B * S faces, face by face."""
    rows = [edit(latent, [Move(direction, strength, layers)]).ws for strength in strengths]
    camera = latent.camera
    if camera is not None and len(camera) > 1:
        camera = camera.repeat_interleave(len(strengths), 0)
    return dataclasses.replace(latent, ws=torch.stack(rows, 1).flatten(0, 1), camera=camera)
