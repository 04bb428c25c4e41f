"""Numbers of EG3D's own tools; tolerance 1e-6 as the reference numbers demand."""

import pytest
import torch
from safetensors.torch import load_file

from ddgi.cameras import FOCAL, label_from_pose, pose_from_forward, rays_from_label
from ddgi.cameras.reference import fov_to_focal, look_at_pose, mirror_pose, recenter_pose


@pytest.fixture(scope="module")
def cameras(golden):
    return load_file(golden / "eg3d_camera.safetensors")


def close(got, expected):
    torch.testing.assert_close(got.to(expected.dtype), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("name", "at_pivot"), [("cam2world", True), ("cam2world_gaussian0", False)])
def test_look_at_poses(cameras, name, at_pivot):
    horizontal, vertical, radius = cameras["in.yaw_pitch_radius"].T
    pivot = cameras["in.lookat"].double() * at_pivot
    close(look_at_pose(horizontal, vertical, pivot, radius), cameras[f"out.{name}"])


def test_pose_from_forward(cameras):
    close(pose_from_forward(cameras["in.forward"], cameras["in.origin"]), cameras["out.create_cam2world"])


def test_labels_and_intrinsics(cameras):
    labels = label_from_pose(cameras["out.cam2world"])
    close(labels, cameras["out.label_ffhq"])
    assert FOCAL == 4.2647
    close(labels[0, 16:].reshape(3, 3), cameras["out.intrinsics_ffhq"])
    close(labels[0, 16:].reshape(3, 3), cameras["out.intrinsics_dataset"])
    shapenet = float(cameras["out.intrinsics_shapenet"][0, 0])
    close(label_from_pose(torch.eye(4)[None], shapenet)[0, 16:].reshape(3, 3), cameras["out.intrinsics_shapenet"])


def test_field_of_view(cameras):
    focal = fov_to_focal(cameras["in.fov_deg"])
    close(label_from_pose(torch.eye(4).repeat(4, 1, 1), focal.float())[:, 16:].reshape(-1, 3, 3),
          cameras["out.fov_to_intrinsics"])
    assert fov_to_focal(18.837) == pytest.approx(4.2634, abs=1e-4)


def test_data_set_poses(cameras):
    pose = cameras["out.cam2world"]
    close(mirror_pose(pose), cameras["out.flip_yaw"])
    close(recenter_pose(pose), cameras["out.fix_pose"])
    close(recenter_pose(pose, (0, 0, 0)), cameras["out.fix_pose_orig"])


@pytest.mark.parametrize(("label", "size", "ending"), [("c", 16, ""), ("c_skew", 8, "_skew8")])
def test_rays(golden, label, size, ending):
    tensors = load_file(golden / "eg3d_tiny.safetensors")
    origins, directions = rays_from_label(tensors[f"in.{label}"], size)
    close(origins[:, None].expand_as(directions), tensors[f"out.ray_origins{ending}"])
    close(directions, tensors[f"out.ray_dirs{ending}"])
