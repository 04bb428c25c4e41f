"""Edits: zero is nothing, strengths add, layers stay apart, what is kept is kept."""

import pytest
import torch

from ddgi.errors import InputError
from ddgi.gan.lineage import Lineage
from ddgi.latents import Direction, Move, edit, series


@pytest.fixture
def direction(generator):
    def make(seed, shape=(8,), name="smile", layers=None, lineage=None):
        offset = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        return Direction(name, offset, lineage or generator.lineage, layers)
    return make


def test_strength_0_is_the_untouched_face(faces, direction):
    moves = [Move(direction(0), 0.0), Move(direction(1, (10, 8)), 0.0)]
    assert edit(faces, moves, keep=[direction(2)]) is faces
    assert torch.equal(edit(faces, [*moves, Move(direction(3), 1.0, (4,))]).ws[:, 5:], faces.ws[:, 5:])


def test_several_directions_add_up_on_their_layers(faces, direction):
    vector, wplus = direction(0, layers=(0, 1, 2)), direction(1, (10, 8))
    moved = edit(faces, [Move(vector, 2.0), Move(wplus, -0.5, (2, 9))]).ws
    expected = faces.ws.clone()
    expected[:, :3] += 2 * vector.offset
    expected[:, [2, 9]] -= 0.5 * wplus.offset[[2, 9]]
    torch.testing.assert_close(moved, expected)
    assert torch.equal(moved[:, 3:9], faces.ws[:, 3:9])


def test_nothing_moves_along_a_kept_direction(faces, direction):
    kept = [direction(5), direction(6, (10, 8))]
    moved = (edit(faces, [Move(direction(0, (10, 8)), 3.0)], keep=kept).ws - faces.ws).double()
    for one in kept:
        along = (moved * one.spread(10)).flatten(1).sum(1)
        assert along.abs().max() < 1e-4 * moved.norm() * one.spread(10).norm()    # fp32 latents
    assert moved.norm() > 1


def test_a_kept_direction_cannot_be_moved(faces, direction):
    with pytest.raises(InputError, match="'smile' is nothing but what shall be kept"):
        edit(faces, [Move(direction(0), 1.0)], keep=[direction(0)])


def test_a_strangers_direction_is_refused_with_both_names(faces, direction):
    stranger = direction(0, lineage=Lineage("1234", "cousin"))
    with pytest.raises(InputError, match="'smile'.*'cousin'.*'tiny'"):
        edit(faces, [Move(stranger, 1.0)])
    relative = direction(0, lineage=Lineage("1234", "copy", (faces.generator_fingerprint,)))
    assert not torch.equal(edit(faces, [Move(relative, 1.0)]).ws, faces.ws)


@pytest.mark.parametrize("shape", [(9,), (12, 8)])
def test_another_space_is_refused(faces, direction, shape):
    with pytest.raises(InputError, match=r"latents of \[10, 8\]"):
        edit(faces, [Move(direction(0, shape), 1.0)])


def test_a_series_goes_face_by_face(faces, direction):
    shown = series(faces, direction(0), [-1.0, 0.0, 1.0])
    assert shown.ws.shape == (15, 10, 8)
    assert torch.equal(shown.ws[1::3], faces.ws)
    torch.testing.assert_close(shown.ws[5], faces.ws[1] + direction(0).offset)


@pytest.mark.parametrize("offset", [torch.zeros(8), torch.full((8,), float("nan")), torch.ones(1, 2, 8)])
def test_what_is_no_direction_is_refused(generator, offset):
    with pytest.raises(InputError, match="'x'"):
        Direction("x", offset, generator.lineage)
