import pytest
import torch

from ddgi.cameras import Camera, rays_from_label
from ddgi.errors import InputError
from ddgi.geometry import depth_pictures, normal_pictures, normals_from_depth


def sphere(camera, size, radius=0.3):
    """Depth [V, 1, size, size] of a sphere at the origin and where rays meet it."""
    origins, directions = rays_from_label(camera.label.double(), size)
    along = -(directions * origins[:, None]).sum(-1)
    gap = radius**2 - (origins[:, None].square().sum(-1) - along**2)
    depth = torch.where(gap > 0, along - gap.clamp_min(0).sqrt(), 3.3)
    return depth.reshape(-1, 1, size, size), (gap > 0).reshape(-1, 1, size, size).double()


def sphere_error(camera, size):
    """Largest length of the error where the sphere faces the camera at less than 60 degrees."""
    depth, alpha = sphere(camera, size)
    origins, directions = rays_from_label(camera.label.double(), size)
    points = (origins[:, None] + directions * depth.reshape(1, -1, 1))[0]
    local = points / points.norm(dim=1, keepdim=True) @ camera.pose[0, :3, :3].double() * torch.tensor([1, -1, -1])
    expected = local.T.reshape(1, 3, size, size)
    normals = normals_from_depth(depth, camera.label.double())
    inner = (alpha > 0) & (expected[:, 2:] > 0.5)       # differences across the silhouette have no normal
    error = ((normals - expected).norm(dim=1, keepdim=True))[inner]
    assert inner.sum() > 200
    return float(error.max())


@pytest.mark.parametrize("settings", [{}, {"yaw": 60, "pitch": 30, "roll": 40}])
def test_normals_of_a_sphere(settings):
    """Central differences: the error falls with the square of the pixel's size."""
    camera = Camera.from_angles(**settings, pivot=(0, 0, 0))
    coarse, fine = sphere_error(camera, 32), sphere_error(camera, 128)
    assert fine < 2e-3 and coarse / fine > 12


def test_normals_of_a_plane_are_exact():
    """The plane z = 0 seen from the front faces the viewer; turned cameras see it turned."""
    camera = Camera.from_angles(yaw=[0, 30], pivot=(0, 0, 0))
    origins, directions = rays_from_label(camera.label.double(), 8)
    depth = (-origins[:, None, 2] / directions[..., 2]).reshape(-1, 1, 8, 8)
    normals = normals_from_depth(depth, camera.label.double())
    front = torch.tensor([0.0, 0, 1]).double()
    torch.testing.assert_close(normals[0], front[:, None, None].expand(3, 8, 8))
    # The camera stands to the right of the plane's normal, so that the normal leans to the left.
    leaning = torch.tensor([-0.5, 0, 0.75**0.5]).double()
    torch.testing.assert_close(normals[1], leaning[:, None, None].expand(3, 8, 8), atol=1e-6, rtol=0)


def test_upper_side_is_green_and_right_side_red():
    camera = Camera.from_angles(pivot=(0, 0, 0))
    depth, alpha = sphere(camera, 64)
    normals = normals_from_depth(depth, camera.label)
    red, green, blue = normal_pictures(normals, alpha)[0]
    assert green[16, 32] > 0.6 > 0.4 > green[48, 32]
    assert red[32, 48] > 0.6 > 0.4 > red[32, 16]
    assert blue[32, 32] > 0.99
    other = normal_pictures(normals, alpha, "red left (Normal Bae)")[0]
    torch.testing.assert_close(other[0], 1 - red)
    torch.testing.assert_close(other[1:], torch.stack([green, blue]))


def test_background_is_flat():
    camera = Camera.from_angles()
    depth, _ = sphere(camera, 8)
    picture = normal_pictures(normals_from_depth(depth, camera.label), torch.zeros_like(depth))
    torch.testing.assert_close(picture, torch.tensor([0.5, 0.5, 1]).double()[:, None, None].expand(1, 3, 8, 8))


def test_near_is_white_far_dark_background_black():
    depth = torch.tensor([2.0, 2.5, 3.0, 3.3]).reshape(1, 1, 2, 2)
    alpha = torch.tensor([1.0, 1, 1, 0]).reshape(1, 1, 2, 2)
    torch.testing.assert_close(depth_pictures(depth, alpha).flatten(), torch.tensor([1, 0.55, 0.1, 0]))


def test_ranges_of_each_picture_and_of_the_batch():
    depth = torch.tensor([[2.0, 2.2], [2.8, 3.0]]).reshape(2, 1, 1, 2)
    alpha = torch.ones_like(depth)
    each, batch = (depth_pictures(depth, alpha, name) for name in ("each picture", "whole batch"))
    torch.testing.assert_close(each.flatten(), torch.tensor([1, 0.1, 1, 0.1]))
    torch.testing.assert_close(batch.flatten(), torch.tensor([1, 0.82, 0.28, 0.1]))
    assert torch.equal(depth_pictures(depth[1:], alpha[1:]), each[1:])


def test_an_empty_picture_is_black():
    assert not depth_pictures(torch.full((1, 1, 4, 4), 3.3), torch.zeros(1, 1, 4, 4)).any()


def test_bad_input_is_refused():
    depth, alpha = torch.ones(2, 1, 4, 4), torch.ones(2, 1, 4, 4)
    with pytest.raises(InputError, match="each picture, whole batch"):
        depth_pictures(depth, alpha, "none")
    with pytest.raises(InputError, match=r"\[2, 1, 4, 4\] and \[2, 1, 5, 5\]"):
        depth_pictures(depth, torch.ones(2, 1, 5, 5))
    with pytest.raises(InputError, match="1 cameras"):
        normals_from_depth(depth, Camera.from_angles().label)
    with pytest.raises(InputError, match="red right"):
        normal_pictures(torch.ones(2, 3, 4, 4), alpha, "green")
