"""EG3D labels: 25 numbers, row-major cam2world then intrinsics divided by image size.

The world is y-up; camera axes are x right, y down, z forward. The frontal camera stands at
(0, 0, 2.7) and looks along -z with a normalised focal length of 4.2647.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..errors import InputError

RADIUS = 2.7
FOCAL = 4.2647


def pose_from_forward(forward: Tensor, position: Tensor) -> Tensor:
    """Poses [B, 4, 4] of upright cameras at `position` [B, 3] that look along `forward` [B, 3] (any length)."""
    forward = F.normalize(forward, dim=-1)
    up = torch.tensor([0, 1, 0], dtype=forward.dtype, device=forward.device).expand_as(forward)
    right = F.normalize(torch.linalg.cross(forward, up), dim=-1)
    down = torch.linalg.cross(forward, right)
    pose = torch.eye(4, dtype=forward.dtype, device=forward.device).repeat(len(forward), 1, 1)
    pose[:, :3, :] = torch.stack([right, down, forward, position], -1)
    return pose


def label_from_pose(pose: Tensor, focal: float | Tensor = FOCAL) -> Tensor:
    """Labels [B, 25] of poses [B, 4, 4]; `focal` is the focal length divided by image size, a number or [B]."""
    intrinsics = torch.eye(3, dtype=pose.dtype, device=pose.device).repeat(len(pose), 1, 1)
    intrinsics[:, :2, 2] = 0.5
    intrinsics[:, 0, 0] = intrinsics[:, 1, 1] = focal
    return join_label(pose, intrinsics)


def split_label(label: Tensor) -> tuple[Tensor, Tensor]:
    """cam2world [..., 4, 4] and intrinsics [..., 3, 3] of labels [..., 25]."""
    return (rearrange(label[..., :16], "... (row column) -> ... row column", row=4),
            rearrange(label[..., 16:], "... (row column) -> ... row column", row=3))


def join_label(pose: Tensor, intrinsics: Tensor) -> Tensor:
    """Labels [..., 25] of cam2world [..., 4, 4] and intrinsics [..., 3, 3]."""
    return torch.cat([rearrange(matrix, "... row column -> ... (row column)") for matrix in (pose, intrinsics)], -1)


def look_at_label(yaw: Tensor, pitch: Tensor, radius: float = RADIUS, focal: float = FOCAL) -> Tensor:
    """Labels [B, 25] of cameras that orbit the origin and look at it.

    Args:
        yaw: [B] radians; positive moves the camera towards +x.
        pitch: [B] radians in (-pi/2, pi/2); positive raises the camera.
        radius: distance from the origin.
        focal: focal length divided by image size.
    """
    backward = torch.stack([yaw.sin() * pitch.cos(), pitch.sin(), yaw.cos() * pitch.cos()], -1)
    return label_from_pose(pose_from_forward(-backward, backward * radius), focal)


def rays_from_label(label: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
    """Ray origins [B, 3] and unit directions [B, R*R, 3] through pixel centres, rows first.

    Raises:
        InputError: the label is not [B, 25].
    """
    if label.ndim != 2 or label.shape[1] != 25:
        raise InputError(f"A camera label of shape {list(label.shape)} was given; it must be [B, 25]: "
                         f"16 cam2world numbers and 9 normalised intrinsics.")
    pose, _ = split_label(label)
    return pose[:, :3, 3], local_rays(label, resolution) @ pose[:, :3, :3].transpose(1, 2)


def local_rays(label: Tensor, resolution: int) -> Tensor:
    """Unit directions [B, R*R, 3] in the camera's own axes (x right, y down, z forward), rows first."""
    _, k = split_label(label)
    step = (torch.arange(resolution, device=label.device, dtype=label.dtype) + 0.5) / resolution
    v, u = torch.meshgrid(step, step, indexing="ij")
    u, v = (rearrange(share, "row column -> 1 (row column)") for share in (u, v))
    fx, fy, cx, cy, skew = (k[:, i, j, None] for i, j in ((0, 0), (1, 1), (0, 2), (1, 2), (0, 1)))
    x = (u - cx + cy * skew / fy - skew * v / fy) / fx
    y = ((v - cy) / fy).expand_as(x)
    return F.normalize(torch.stack([x, y, torch.ones_like(x)], -1), dim=-1)
