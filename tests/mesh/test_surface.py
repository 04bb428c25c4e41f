"""Surfaces of analytic volumes."""

import pytest
import torch

from ddgi.errors import InputError
from ddgi.mesh import largest_piece, surface_nets, vertex_normals


def distance(size, centre):
    """Distance [Z, Y, X] of the samples of a lattice of `size` (x, y, z) to `centre` (x, y, z)."""
    x, y, z = (torch.arange(n, dtype=torch.float32) - c for n, c in zip(size, centre))
    return (z[:, None, None] ** 2 + y[:, None] ** 2 + x**2).sqrt()


def is_closed(vertices, faces):
    """Every directed edge occurs once, and so does its reverse."""
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    there = (edges[:, 0] * len(vertices) + edges[:, 1]).sort().values
    back = (edges[:, 1] * len(vertices) + edges[:, 0]).sort().values
    return torch.equal(there, back) and bool((there.diff() > 0).all())


def volume_of(vertices, faces):
    a, b, c = vertices[faces].unbind(1)
    return float((a * torch.linalg.cross(b, c)).sum() / 6)


def test_ball_is_closed_outward_and_in_place():
    centre = (12.0, 20.0, 30.0)
    vertices, faces = surface_nets((20.0 - distance((30, 36, 44), centre)).clamp_min(0), 11.0)
    away = vertices - torch.tensor(centre)
    radius = away.norm(dim=1)
    assert is_closed(vertices, faces)
    assert (radius - 9).abs().max() < 0.1       # a tenth of a cell: the chord's sagitta at radius 9 is 0.06
    assert ((vertex_normals(vertices, faces) * away).sum(1) / radius).min() > 0.99
    assert volume_of(vertices - torch.tensor(centre), faces) == pytest.approx(4 / 3 * torch.pi * 9**3, rel=0.02)
    assert len(vertices) - len(faces) / 2 == 2  # Euler: V - E + T = 2, and E = 3 T / 2


def test_volume_that_fills_its_box_is_closed_at_the_borders():
    vertices, faces = surface_nets(torch.ones(5, 6, 7), 0.5)
    assert is_closed(vertices, faces) and volume_of(vertices, faces) > 0
    assert torch.equal(vertices.amin(0), torch.full((3,), -0.5))
    assert torch.equal(vertices.amax(0), torch.tensor([6.5, 5.5, 4.5]))


def test_rough_volume_has_as_many_edges_there_as_back():
    values = torch.rand(12, 13, 14, generator=torch.Generator().manual_seed(0))
    vertices, faces = surface_nets(values, 0.5)
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    there, back = edges[:, 0] * len(vertices) + edges[:, 1], edges[:, 1] * len(vertices) + edges[:, 0]
    assert torch.equal(there.sort().values, back.sort().values)
    assert set(faces.flatten().tolist()) == set(range(len(vertices)))


def test_largest_piece_drops_floaters_and_inner_walls():
    size = (40, 40, 40)
    shell = (2.0 - (distance(size, (15, 15, 15)) - 10).abs()).clamp_min(0)
    floater = (4.0 - distance(size, (34, 34, 34))).clamp_min(0)
    everything = surface_nets(torch.maximum(shell, floater), 1.0)
    vertices, faces = largest_piece(*everything)
    radius = (vertices - 15).norm(dim=1)
    assert (everything[0] - 15).norm(dim=1).max() > 25 and (everything[0] - 15).norm(dim=1).min() < 9.5
    assert (radius - 11).abs().max() < 0.2 and is_closed(vertices, faces)


def test_nothing_inside_gives_an_empty_mesh():
    vertices, faces = largest_piece(*surface_nets(torch.zeros(4, 4, 4), 0.5))
    assert vertices.shape == (0, 3) and faces.shape == (0, 3)


@pytest.mark.parametrize("values, level", [(torch.zeros(4, 4), 0.5), (torch.zeros(4, 4, 4), 0.0)])
def test_impossible_input_is_refused(values, level):
    with pytest.raises(InputError, match="level above 0"):
        surface_nets(values, level)
