import pytest
import torch

from ddgi.cameras import EASINGS, PATHS, orbit
from ddgi.errors import InputError


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("easing", EASINGS)
def test_a_loop_does_not_double_its_last_frame(path, easing):
    looped, ended = orbit(16, path, easing), orbit(17, path, easing, loop=False)
    torch.testing.assert_close(looped.label, ended.label[:16])
    torch.testing.assert_close(ended.label[16], ended.label[0], atol=1e-5, rtol=0)
    assert (looped.label[15] - looped.label[0]).abs().max() > 1e-4


def test_circle_reaches_its_ranges():
    camera = orbit(4, "circle", yaw=10, pitch=5, yaw_range=20, pitch_range=14)
    torch.testing.assert_close(camera.yaw, torch.tensor([10.0, 30, 10, -10]), atol=1e-4, rtol=0)
    torch.testing.assert_close(camera.pitch, torch.tensor([19.0, 5, -9, 5]), atol=1e-4, rtol=0)


def test_swing_keeps_the_height_and_nod_the_side():
    swing, nod = orbit(8, "swing", pitch=7, yaw_range=40), orbit(8, "nod", yaw=7, pitch_range=30)
    torch.testing.assert_close(swing.pitch, torch.full((8,), 7.0), atol=1e-4, rtol=0)
    torch.testing.assert_close(nod.yaw, torch.full((8,), 7.0), atol=1e-4, rtol=0)
    torch.testing.assert_close(swing.yaw[[0, 2, 6]], torch.tensor([0.0, 40, -40]), atol=1e-4, rtol=0)
    torch.testing.assert_close(nod.pitch[[0, 2, 6]], torch.tensor([0.0, 30, -30]), atol=1e-4, rtol=0)


def test_turn_goes_once_around_in_even_steps():
    yaw = orbit(8, "turn", pivot=(0, 0, 0)).yaw
    torch.testing.assert_close(yaw.remainder(360), torch.arange(8) * 45.0, atol=1e-3, rtol=0)


def test_spiral_opens_from_the_middle():
    camera = orbit(33, "spiral", loop=False, yaw_range=20, pitch_range=20, turns=4)
    distance = (camera.yaw**2 + camera.pitch**2).sqrt()
    assert distance[0] < 1e-3 and distance[32] < 1e-3
    assert float(distance[16]) == pytest.approx(20, abs=1e-3)
    assert (distance[:17].diff() > 0).all()


def test_smooth_starts_and_ends_slower():
    linear, smooth = (orbit(9, "turn", easing, loop=False, pivot=(0, 0, 0)).yaw.remainder(360)
                      for easing in EASINGS)
    assert 0 < smooth[1] < linear[1] / 2
    torch.testing.assert_close(smooth[4], linear[4], atol=1e-3, rtol=0)
    assert smooth[7] > linear[7]


def test_one_frame_is_the_beginning():
    assert len(orbit(1)) == 1 and len(orbit(1, loop=False)) == 1


def test_radius_fov_and_roll_are_those_of_the_camera():
    camera = orbit(3, radius=2, fov=30, roll=10)
    torch.testing.assert_close(camera.radius, torch.full((3,), 2.0))
    torch.testing.assert_close(camera.fov, torch.full((3,), 30.0))
    torch.testing.assert_close(camera.roll, torch.full((3,), 10.0), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("settings", "sentence"), [
    ({"frames": 0}, "0 frames"),
    ({"frames": 4, "path": "eight"}, "'eight'.*circle, swing"),
    ({"frames": 4, "easing": "bouncy"}, "'bouncy'.*linear, smooth"),
    ({"frames": 4, "path": "nod", "pitch_range": 95}, "pitch is 95"),
    ({"frames": 4, "radius": 0}, "radius is 0"),
])
def test_impossible_orbits_are_refused(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        orbit(**settings)
