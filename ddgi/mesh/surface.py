"""Triangles from a volume: naive surface nets (Gibson 1998), largest piece, normals.

Own and vectorised: on one CPU core a 128^3 ball takes 0.3 s here and 24 s in the loops of ComfyUI's
"Voxel to Mesh" (surface net), which in addition sits half a cell off and is open at the upper borders.
"""

import itertools

import torch
import torch.nn.functional as F

from ..errors import InputError


def surface_nets(values: torch.Tensor, level: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The surface where a volume crosses a level; always closed, because outside the volume everything is 0.

    Each cell of eight samples that the surface cuts gets one vertex, the mean of the cuts of its edges; each cut
    edge of the lattice joins the vertices of its four cells.

    Args:
        values: [D, H, W], axes z, y, x; above `level` is inside.
        level: above 0.

    Returns:
        Vertices [V, 3] as x, y, z, where sample i lies at i; faces [T, 3], counter-clockwise from outside.

    Raises:
        InputError: no volume, or a level at or below 0.
    """
    if values.ndim != 3 or not level > 0:
        raise InputError(f"A volume of shape {list(values.shape)} and the level {level} were given; surfaces need "
                         f"[depth, height, width] and a level above 0.")
    padded = F.pad(values, (1,) * 6)
    inside = padded > level
    cells = _cut_cells(inside)                                                   # [V, 3], in the order of their ids
    stride = torch.tensor([padded.stride(axis) for axis in range(3)], device=values.device)
    ids = cells @ stride                                                         # of each cell's lowest sample
    quads = _quads(inside, stride)
    vertices = cells + _mean_cut(padded.flatten(), level, ids, stride) - 1
    return vertices.flip(1), _triangles(torch.searchsorted(ids, quads), vertices)


def _cut_cells(inside: torch.Tensor) -> torch.Tensor:
    """Cells whose eight corners are neither all inside nor all outside."""
    some = every = inside
    for axis, size in enumerate(inside.shape):
        some = some.narrow(axis, 0, size - 1) | some.narrow(axis, 1, size - 1)
        every = every.narrow(axis, 0, size - 1) & every.narrow(axis, 1, size - 1)
    return (some & ~every).nonzero()


def _mean_cut(flat: torch.Tensor, level: float, ids: torch.Tensor, stride: torch.Tensor) -> torch.Tensor:
    """Mean of the points [V, 3] (0..1 inside the cell) where the surface cuts the twelve edges of each cell."""
    total, count = flat.new_zeros(len(ids), 3), flat.new_zeros(len(ids), 1)
    for axis, corner in itertools.product(range(3), itertools.product((0, 1), repeat=3)):
        if corner[axis]:
            continue                            # an edge starts at the corner where its own axis is 0
        offset = torch.tensor(corner, device=ids.device)
        start = ids + (offset * stride).sum()
        low, high = flat[start], flat[start + stride[axis]]
        cut = (low > level) != (high > level)
        point = offset.to(flat).expand(len(ids), -1).clone()
        point[:, axis] = (level - low) / torch.where(cut, high - low, 1)
        total += torch.where(cut[:, None], point, 0)
        count += cut[:, None]
    return total / count


def _quads(inside: torch.Tensor, stride: torch.Tensor) -> torch.Tensor:
    """Cell ids [Q, 4] around each cut edge, counter-clockwise from outside."""
    quads = []
    for axis, size in enumerate(inside.shape):
        low, high = inside.narrow(axis, 0, size - 1), inside.narrow(axis, 1, size - 1)
        points = (low ^ high).nonzero()
        b, c = stride[(axis + 1) % 3], stride[(axis + 2) % 3]
        ring = (points @ stride)[:, None] - torch.stack([b * 0, b, b + c, c])
        # z, y, x is a left-handed order, so this ring turns clockwise when seen from the axis' far end.
        faces_up = low[tuple(points.unbind(1))]
        quads.append(torch.where(faces_up[:, None], ring.flip(1), ring))
    return torch.cat(quads)


def _triangles(quads: torch.Tensor, vertices: torch.Tensor) -> torch.Tensor:
    """Two triangles [2Q, 3] a quad [Q, 4], cut along its shorter diagonal."""
    corner = vertices[quads]                                                     # [Q, 4, 3]
    first = (corner[:, 0] - corner[:, 2]).norm(dim=1) <= (corner[:, 1] - corner[:, 3]).norm(dim=1)
    quads = torch.where(first[:, None], quads, quads.roll(-1, 1))
    return torch.cat([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def largest_piece(vertices: torch.Tensor, faces: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The connected piece with the most triangles: without floaters, and without the walls of inner hollows."""
    if not len(faces):
        return vertices, faces
    label = torch.arange(len(vertices), device=faces.device)
    while True:         # every label in a triangle takes the lowest one there; chains of labels halve in length
        met = label[faces]
        lowest = met.amin(1, keepdim=True).expand(-1, 3)
        lowered = label.scatter_reduce(0, met.flatten(), lowest.flatten(), "amin")
        lowered = lowered[lowered]
        if torch.equal(lowered, label):
            break
        label = lowered
    kept = label == label[faces[:, 0]].mode().values
    renumbered = kept.cumsum(0) - 1
    return vertices[kept], renumbered[faces[kept[faces[:, 0]]]]


def vertex_normals(vertices: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
    """Unit normals [V, 3], outward: the mean of the triangles at each vertex, weighted by area."""
    a, b, c = vertices[faces].unbind(1)
    area = torch.linalg.cross(b - a, c - a)
    normals = torch.zeros_like(vertices).index_add(0, faces.flatten(), area.repeat_interleave(3, 0))
    return F.normalize(normals, dim=1)
