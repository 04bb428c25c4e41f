import pytest
import torch
from safetensors.torch import load_file

from ddgi.cameras import look_at_label, rays_from_label
from ddgi.errors import InputError


def test_frontal_label():
    label = look_at_label(torch.zeros(1), torch.zeros(1))[0]
    pose = torch.tensor([[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 2.7], [0, 0, 0, 1]])
    torch.testing.assert_close(label[:16].reshape(4, 4), pose)
    torch.testing.assert_close(label[16:], torch.tensor([4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1]))


def test_camera_looks_at_the_origin_from_its_orbit():
    label = look_at_label(torch.tensor([0.7]), torch.tensor([0.3]))
    origins, rays = rays_from_label(label, 9)
    middle = rays[0, 40]
    torch.testing.assert_close(origins[0] + 2.7 * middle, torch.zeros(3), atol=1e-5, rtol=0)
    assert origins[0, 0] > 0
    assert origins[0, 1] > 0


def test_first_ray_is_the_upper_left_pixel():
    _, rays = rays_from_label(look_at_label(torch.zeros(1), torch.zeros(1)), 4)
    torch.testing.assert_close(rays.norm(dim=-1), torch.ones(1, 16))
    assert rays[0, 0, 0] < 0 < rays[0, 0, 1]
    assert rays[0, 3, 0] > 0


def test_wrong_label_is_refused():
    with pytest.raises(InputError, match=r"\[1, 16\]"):
        rays_from_label(torch.zeros(1, 16), 4)


def test_reference_cameras_at_the_same_positions(golden):
    """Any reference camera that looks at the origin is the one we place where it stands."""
    pose = load_file(golden / "eg3d_camera.safetensors")["out.cam2world_gaussian0"]
    x, y, z = pose[:, :3, 3].unbind(1)
    radius = pose[:, :3, 3].norm(dim=1)
    usual = (radius - 2.7).abs() < 1e-3
    label = look_at_label(torch.atan2(x, z)[usual], torch.asin(y / radius)[usual])
    assert usual.any()
    torch.testing.assert_close(label[:, :16].reshape(-1, 4, 4), pose[usual], atol=1e-4, rtol=0)
