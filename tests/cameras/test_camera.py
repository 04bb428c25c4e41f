import math

import pytest
import torch

from ddgi.cameras import FOCAL, FOV, Camera, check_view, look_at_label
from ddgi.errors import InputError


def one(**settings):
    return Camera.from_angles(**settings)


def test_default_is_the_frontal_camera_of_eg3d():
    label = one().label[0]
    pose = torch.tensor([[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 2.7], [0, 0, 0, 1]])
    torch.testing.assert_close(label[:16].reshape(4, 4), pose, atol=1e-7, rtol=0)
    torch.testing.assert_close(label[16:], torch.tensor([FOCAL, 0, 0.5, 0, FOCAL, 0.5, 0, 0, 1]))


def test_pivot_at_the_origin_is_the_look_at_label():
    label = look_at_label(torch.deg2rad(torch.tensor([30.0, -80.0])), torch.deg2rad(torch.tensor([-20.0, 60.0])))
    camera = one(yaw=[30, -80], pitch=[-20, 60], pivot=(0, 0, 0))
    torch.testing.assert_close(camera.label, label, atol=2e-6, rtol=0)      # float64 inside against float32


def test_properties_give_back_what_was_put_in():
    settings = {"yaw": [0, 35, -170], "pitch": [10, -60, 80], "roll": [0, 25, -120], "radius": [1, 2.7, 4],
                "fov": [5, FOV, 120]}
    camera = one(**settings, pivot=(0.1, 0.05, 0.2))
    for name, values in settings.items():
        expected = torch.tensor(values, dtype=torch.float32)
        torch.testing.assert_close(getattr(camera, name), expected, atol=1e-3, rtol=0)      # asin is steep near 90


def test_pivot_is_in_the_middle_of_the_picture():
    camera, pivot = one(yaw=40, pitch=-15, roll=50, pivot=(0.1, -0.2, 0.3)), torch.tensor([0.1, -0.2, 0.3])
    along = pivot - camera.position[0]
    torch.testing.assert_close(camera.forward[0], along / along.norm())


def test_positive_roll_turns_the_picture_clockwise():
    """The top of the head, up in the picture before, moves to its right."""
    pose = one(roll=90).pose[0]
    top = pose[:3, :3].T @ torch.tensor([0.0, 1, 0])
    torch.testing.assert_close(top, torch.tensor([1.0, 0, 0]), atol=1e-6, rtol=0)


def test_join_and_of():
    a, b = one(yaw=[0, 10]), one(yaw=20)
    joined = Camera.join(a, b)
    assert len(joined) == 3 and Camera.of(joined) is joined
    assert torch.equal(Camera.of(joined.label).label, joined.label)


@pytest.mark.parametrize(("settings", "sentence"), [
    ({"radius": 0}, "radius is 0; it must be above 0"),
    ({"radius": -1}, "radius is -1"),
    ({"radius": math.nan}, "radius is nan; give a finite number"),
    ({"yaw": math.inf}, "yaw is inf"),
    ({"fov": 0}, "field of view is 0"),
    ({"fov": 180}, "field of view is 180"),
    ({"pitch": 90}, "pitch is 90"),
    ({"pivot": (0, math.nan, 0)}, "pivot of .*nan"),
    ({"pivot": (0, 0)}, "three finite numbers"),
    ({"pivot": (0, 0, 2.7)}, "stands at its pivot"),
    ({"yaw": [1, 2], "pitch": [1, 2, 3]}, "2 for yaw, 3 for pitch"),
])
def test_impossible_settings_are_refused(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        one(**settings)


def changed(index, value):
    label = one().label.clone()
    label[0, index] = value
    return label


@pytest.mark.parametrize(("label", "sentence"), [
    (torch.zeros(1, 16), r"\[1, 16\]"),
    (torch.zeros(0, 25), r"\[0, 25\]"),
    ([1.0] * 25, "list"),
    (one().label.long(), "int64"),
    (changed(3, math.nan), "not all finite"),
    (changed(0, 1.1), "perpendicular"),
    (changed(0, -1.0), "right-handed"),
    (changed(15, 2.0), "no valid pose"),
    (changed(11, 0.0), "radius 0"),
    (changed(16, 0.0), "focal lengths above 0"),
    (changed(20, -4.0), "focal lengths above 0"),
    (changed(18, 256.0), "in pixels; divide them by the picture's size"),
    (changed(21, -0.2), "in pixels"),
    (changed(16, 2183.0), "in pixels"),
])
def test_impossible_labels_are_refused(label, sentence):
    with pytest.raises(InputError, match=sentence):
        Camera(label)


def test_the_message_names_the_camera():
    labels = one(yaw=[0, 10, 20]).label
    labels[1, 0] = 5
    with pytest.raises(InputError, match="Camera 2 of 3"):
        Camera(labels)


@pytest.mark.parametrize("settings", [{}, {"yaw": 180}, {"pitch": 89}, {"fov": 0.5}, {"fov": 170}, {"radius": 100},
                                      {"radius": 0.3}, {"pivot": (0.5, 0.4, 0.0)}, {"fov": 3, "pivot": (0, 0.45, 0)}])
def test_cameras_that_see_the_head_pass(settings):
    check_view(one(**settings))


@pytest.mark.parametrize("settings", [{"pivot": (0, 0, 5)}, {"pivot": (5, 0, 0)}, {"pivot": (0, 1.2, 0)},
                                      {"yaw": 180, "pivot": (0, 0, -5)}])
def test_cameras_that_look_away_are_refused(settings):
    with pytest.raises(InputError, match="looks away from the head"):
        check_view(one(**settings))


def test_a_larger_box_is_seen_where_a_small_one_is_not():
    camera = one(pivot=(0, 1.0, 0))
    with pytest.raises(InputError, match="looks away"):
        check_view(camera, 1.0)
    check_view(camera, 1.6)


def test_a_head_outside_the_ray_range_is_refused_with_the_remedy():
    check_view(one(), ray_range=(2.25, 3.3))
    check_view(one(radius=6), ray_range=(None, None))
    for radius in (0.5, 6):
        with pytest.raises(InputError, match=r"from 2.25 to 3.3; set the radius near 2.8"):
            check_view(one(radius=radius), ray_range=(2.25, 3.3))


def test_the_message_names_the_view_that_looks_away():
    with pytest.raises(InputError, match=r"Camera 2 of 2 \(yaw 0, pitch 0, radius 2.7\)"):
        check_view(Camera.join(one(), one(pivot=(0, 0, 5))))
