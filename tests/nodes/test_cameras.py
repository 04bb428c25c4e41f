"""Camera nodes, and what they hand to ComfyUI's 3D viewers."""

import inspect

import pytest
import torch

import ddgi.cameras


def defaults(node):
    """The values of a node that was just added to a graph."""
    inputs = node.GET_SCHEMA().inputs
    return {entry.id: entry.default for entry in inputs if getattr(entry, "default", None) is not None}


@pytest.fixture(scope="module")
def nodes(pack):
    return pack.nodes.cameras


def camera(nodes, **settings):
    return nodes.CameraNode.execute(**{**defaults(nodes.CameraNode), **settings}).args[0]


def orbit(nodes, **settings):
    return nodes.Orbit.execute(**{**defaults(nodes.Orbit), **settings}).args[0]


def test_new_nodes_look_from_the_front(pack, nodes):
    front = ddgi.cameras.Camera.from_angles().label
    torch.testing.assert_close(camera(nodes).label, front, atol=1e-4, rtol=0)       # the widget rounds the fov
    torch.testing.assert_close(orbit(nodes, frames=1, path="swing").label, front, atol=1e-4, rtol=0)


def test_signatures_have_every_input(nodes):
    for node in nodes.NODES:
        parameters = inspect.signature(node.execute).parameters
        assert [entry.id for entry in node.GET_SCHEMA().inputs] == list(parameters)


def test_cameras_chain(nodes):
    chain = camera(nodes, yaw=30, cameras=orbit(nodes, frames=3))
    assert len(chain) == 4 and float(chain.yaw[3]) == pytest.approx(30, abs=1e-4)


def test_direction_of_the_viewer_with_our_lens(nodes):
    info = {"position": {"x": 10, "y": 2, "z": 0}, "target": {"x": 0, "y": 2, "z": 0}, "fov": 75, "zoom": 1,
            "cameraType": "perspective"}
    got = camera(nodes, camera_info=info, yaw=-20, radius=2.5)
    assert float(got.yaw) == pytest.approx(90, abs=1e-4) and float(got.radius) == pytest.approx(2.5, abs=1e-6)
    exact = camera(nodes, camera_info=info, viewer_camera="exactly")
    assert exact.position[0].tolist() == [10, 2, 0] and float(exact.fov) == pytest.approx(75, abs=1e-4)


def test_camera_info_of_core_is_understood(nodes, host):
    """Core's own node that makes camera_info: the same angles, roll included."""
    from comfy_extras.nodes_gaussian_splat import CreateCameraInfo

    mode = {"mode": "orbit", "yaw": 40.0, "pitch": -25.0, "distance": 3.0}
    info = CreateCameraInfo.execute(mode, 0.0, 0.0, 0.0, 15.0, 28.0).args[0]
    got = camera(nodes, camera_info=info, viewer_camera="exactly")
    values = [float(value) for value in (got.yaw, got.pitch, got.roll, got.radius, got.fov)]
    assert values == pytest.approx([40, -25, 15, 3, 28], abs=1e-3)


def test_camera_info_has_what_core_expects(nodes, host):
    from comfy_api.latest import io

    info = nodes.CameraInfo.execute(orbit(nodes, frames=4), 2).args[0]
    assert set(info) <= set(io.Load3DCamera.CameraInfo.__annotations__)
    back = camera(nodes, camera_info=info, viewer_camera="exactly")
    torch.testing.assert_close(back.label[0], orbit(nodes, frames=4).label[2], atol=1e-5, rtol=0)


def test_camera_info_follows_the_viewers_scale(nodes, host):
    """A head of size 0.5 is shown 10 times larger, with its lowest point on the ground."""
    from comfy_api.latest import Types

    vertices = torch.tensor([[[-0.25, -0.25, -0.2], [0.25, 0.25, 0.2], [0, 0, 0], [9, 9, 9]]])
    mesh = Types.MESH(vertices, torch.tensor([[[0, 1, 2]]]), vertex_counts=torch.tensor([3]),
                      face_counts=torch.tensor([1]))
    info = nodes.CameraInfo.execute(camera(nodes), 0, mesh).args[0]
    assert info["position"] == pytest.approx({"x": 0, "y": 2.5, "z": 27}, abs=1e-4)


@pytest.mark.parametrize(("settings", "sentence"), [
    ({"radius": 0.0}, "radius is 0; it must be above 0"),
    ({"fov": 0.0}, "field of view is 0"),
    ({"fov": 180.0}, "field of view is 180"),
    ({"pivot_z": 2.7}, "stands at its pivot"),
    ({"camera_info": {}}, "gave no camera"),
])
def test_bad_cameras_are_one_sentence(pack, nodes, settings, sentence):
    with pytest.raises(ddgi.InputError, match=sentence):
        camera(nodes, **settings)
