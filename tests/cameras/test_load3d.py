import math

import pytest
import torch

from ddgi.cameras import Camera, camera_from_load3d, camera_to_load3d, viewer_angles, viewer_fit
from ddgi.errors import InputError

TURNED = [{"position": {"x": 1.0, "y": 2.0, "z": -3.0}, "scale": {"x": 4.0, "y": 4.0, "z": 4.0},
           "quaternion": {"x": 0.0, "y": math.sin(0.3), "z": 0.0, "w": math.cos(0.3)}}]


def view(position, target=(0, 0, 0), **more):
    return {"position": dict(zip("xyz", position)), "target": dict(zip("xyz", target)), "zoom": 1,
            "cameraType": "perspective", "fov": 30, **more}


@pytest.mark.parametrize("model_info", [None, TURNED])
@pytest.mark.parametrize("settings", [{}, {"yaw": 120, "pitch": -50, "roll": 33, "fov": 40}, {"yaw": 180},
                                      {"yaw": -90, "roll": 180, "radius": 1.2, "pivot": (0.1, 0.1, 0)}])
def test_there_and_back(settings, model_info):
    camera = Camera.from_angles(**settings)
    back = camera_from_load3d(camera_to_load3d(camera, 0, model_info), model_info)
    torch.testing.assert_close(back.label, camera.label, atol=3e-6, rtol=0)     # through float32 once


def test_a_plain_camera_without_quaternion():
    camera = camera_from_load3d(view((0, 0, 4)))
    pose = torch.tensor([[1.0, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 4], [0, 0, 0, 1]])
    torch.testing.assert_close(camera.pose[0], pose)
    assert float(camera.fov) == pytest.approx(30, abs=1e-4)


def test_quaternion_of_three_js_is_its_camera():
    """Half a turn about y: three.js then looks along +z with x to the left."""
    camera = camera_from_load3d(view((0, 0, -4), quaternion={"x": 0, "y": 1, "z": 0, "w": 0}))
    torch.testing.assert_close(camera.pose[0, :3, :3], torch.tensor([[-1.0, 0, 0], [0, -1, 0], [0, 0, 1]]))


def test_quaternion_and_target_agree():
    info = camera_to_load3d(Camera.from_angles(yaw=50, pitch=20))
    by_target = camera_from_load3d({key: value for key, value in info.items() if key != "quaternion"})
    torch.testing.assert_close(by_target.label, camera_from_load3d(info).label, atol=1e-5, rtol=0)


def test_zoom_narrows_the_view():
    plain, zoomed = camera_from_load3d(view((0, 0, 4))), camera_from_load3d(view((0, 0, 4), zoom=2))
    torch.testing.assert_close(zoomed.intrinsics[:, 0, 0], 2 * plain.intrinsics[:, 0, 0])


def test_angles_do_not_depend_on_distance_and_target():
    yaw, pitch, roll = viewer_angles(view((5 + 1, 0, 5), (1, 0, 0)))
    assert (yaw, pitch, roll) == pytest.approx((45, 0, 0), abs=1e-4)
    assert viewer_angles(view((0, 3, 3)))[1] == pytest.approx(45, abs=1e-4)


def test_angles_are_those_of_the_turned_model():
    camera = Camera.from_angles(yaw=30, pitch=10, roll=5, pivot=(0, 0, 0))
    angles = viewer_angles(camera_to_load3d(camera, 0, TURNED), TURNED)
    assert angles == pytest.approx((30, 10, 5), abs=1e-4)


def test_fit_is_the_viewers():
    """Longest side 5, in the middle of the ground."""
    fit = viewer_fit(torch.tensor([[-1.0, 0, 0], [3, 1, 0.5], [0, 0.5, -0.5]]))[0]
    assert fit["scale"] == {"x": 1.25, "y": 1.25, "z": 1.25}
    assert fit["position"] == {"x": -1.25, "y": 0.0, "z": 0.0}


@pytest.mark.parametrize(("info", "sentence"), [
    (None, "gave no camera"),
    ({}, "gave no camera"),
    (view((0, 0, 4), cameraType="orthographic"), "orthographic"),
    (view((0, 0, 0)), "stands at its target"),
    (view((0, 4, 0)), "straight above"),
    (view((0, 0, math.nan)), "nan for z"),
    (view((0, 0, "far")), "'far' for z"),
    (view((0, 0, 4), fov=180), "field of view of 180"),
    (view((0, 0, 4), zoom=0), "zoom of 0"),
    (view((0, 0, 4), quaternion={"x": 0, "y": 0, "z": 0, "w": 0}), "quaternion of zeros"),
    ({"position": {"x": 0, "y": 0, "z": 1}}, "gave no target"),
])
def test_unusable_viewer_cameras_are_refused(info, sentence):
    with pytest.raises(InputError, match=sentence):
        camera_from_load3d(info)


def test_stretched_model_missing_view_and_empty_mesh_are_refused():
    stretched = [{**TURNED[0], "scale": {"x": 1.0, "y": 2.0, "z": 1.0}}]
    with pytest.raises(InputError, match="even scale"):
        camera_from_load3d(view((0, 0, 4)), stretched)
    with pytest.raises(InputError, match="View 1 was asked for, but there are 1"):
        camera_to_load3d(Camera.from_angles(), 1)
    with pytest.raises(InputError, match=r"\[0, 3\]"):
        viewer_fit(torch.zeros(0, 3))
    with pytest.raises(InputError, match="no size"):
        viewer_fit(torch.ones(4, 3))
