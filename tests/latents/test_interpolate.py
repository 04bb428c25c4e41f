"""Ways between faces: keys bit for bit, arcs at an even rate, curves without corners."""

import dataclasses

import pytest
import torch

from ddgi.cameras import Camera
from ddgi.errors import InputError
from ddgi.latents import PATHS, pick, walk
from ddgi.latents.interpolate import slerp


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("loop, eased", [(False, False), (True, True)])
def test_every_key_is_a_frame_bit_for_bit(faces, path, loop, eased):
    way = walk(faces, 4, path, loop=loop, eased=eased)
    assert len(way.ws) == (20 if loop else 17)
    assert torch.equal(way.ws[::4], faces.ws)


def test_a_straight_way_is_linear(faces):
    way = walk(pick(faces, [0, 1]), 4, "straight").ws
    torch.testing.assert_close(way[1], 0.75 * faces.ws[0] + 0.25 * faces.ws[1])


def test_an_eased_way_is_slow_at_the_keys(faces):
    way = walk(pick(faces, [0, 1]), 4, "straight", eased=True).ws
    share = 0.25 ** 2 * (3 - 2 * 0.25)
    torch.testing.assert_close(way[1], torch.lerp(faces.ws[0], faces.ws[1], share))


def test_an_arc_turns_and_grows_at_an_even_rate(faces):
    """Angles and distances from the centre change linearly: 1e-6 is fp32's rounding of w vectors of length 3."""
    centre = torch.full((8,), 0.3)
    way = walk(pick(faces, [0, 1]), 8, "round", centre=centre).ws.double() - centre
    length = way.norm(dim=-1)
    share = torch.linspace(0, 1, 9).double()[:, None]
    torch.testing.assert_close(length, torch.lerp(length[:1], length[-1:], share), atol=1e-6, rtol=1e-6)
    unit = way / length[..., None]
    turned = (unit[1:] * unit[:-1]).sum(-1).acos()
    torch.testing.assert_close(turned, turned[:1].expand_as(turned), atol=1e-5, rtol=1e-5)


def test_an_arc_between_opposite_or_equal_vectors_is_straight():
    a = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 0.0]]).double()
    b = torch.tensor([[-1.0, 0.0], [2.0, 0.0], [0.0, 4.0]]).double()
    t = torch.full((3, 1), 0.25).double()
    torch.testing.assert_close(slerp(a, b, t), torch.lerp(a, b, t))


def test_a_smooth_way_has_no_corner_at_a_key(faces):
    """The velocity before and after a key is half the difference of its neighbours; finite differences reach 2 %."""
    frames = 256
    way = walk(faces, frames, "smooth").ws.double()
    key = 2 * frames
    wanted = (faces.ws[3] - faces.ws[1]).double() / 2
    for side in (way[key] - way[key - 1], way[key + 1] - way[key]):
        assert (side * frames - wanted).norm() < 0.02 * wanted.norm()


def test_a_smooth_way_between_two_keys_is_straight(faces):
    two = pick(faces, [0, 1])
    torch.testing.assert_close(walk(two, 5, "smooth").ws, walk(two, 5, "straight").ws)


def test_cameras_move_along(faces):
    cameras = Camera.from_angles(yaw=[-20, 20, 0, 0, 0], fov=[10, 14, 12, 12, 12])
    way = walk(dataclasses.replace(faces, camera=cameras.label), 2, "straight")
    middle = Camera(way.camera[1:2])
    assert torch.equal(way.camera[::2], cameras.label)
    assert abs(float(middle.yaw)) < 1e-3
    assert 10 < float(middle.fov) < 14


def test_one_face_is_no_way(faces):
    with pytest.raises(InputError, match="two or more"):
        walk(pick(faces, [0]), 4)
    with pytest.raises(InputError, match="frames"):
        walk(faces, 0)
