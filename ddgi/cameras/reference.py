"""The conventions of EG3D's public tools, for reading and writing labels as they do.

They differ from `Camera`, which uses true angles: the look-at sampler's height is linear in its pitch argument,
and its field of view is measured across the picture's diagonal, with rounded constants.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .labels import pose_from_forward

DATASET_CENTER = (0.0, 0.0, 0.175)      # what FFHQ's label tool takes for the middle of a head
DATASET_RADIUS = 2.7


def look_at_pose(horizontal: Tensor, vertical: Tensor, pivot: Tensor, radius: float | Tensor) -> Tensor:
    """Poses [B, 4, 4] as EG3D's look-at sampler gives them for these mean angles and no spread.

    Args:
        horizontal: [B] radians; pi/2 is the front, smaller moves the camera towards -x.
        vertical: [B] radians in 0..pi; pi/2 is level, 0 straight above: the height is radius * (1 - 2 vertical / pi).
        pivot: [3] or [B, 3], what the camera looks at; it orbits the origin all the same.
        radius: distance from the origin, a number or [B].
    """
    level = 1 - 2 * vertical.clamp(1e-5, math.pi - 1e-5) / math.pi
    around = (1 - level * level).sqrt()
    direction = torch.stack([-around * horizontal.cos(), level, around * horizontal.sin()], -1)
    position = direction * torch.as_tensor(radius, dtype=direction.dtype, device=direction.device).reshape(-1, 1)
    return pose_from_forward(pivot - position, position)


def fov_to_focal(fov: float | Tensor) -> float | Tensor:
    """Normalised focal length as EG3D's scripts compute it from degrees: 18.837 gives FFHQ's 4.2634."""
    tangent = torch.tan(torch.as_tensor(fov, dtype=torch.float64) * 3.14159 / 360)
    focal = 1 / (tangent * 1.414)
    return focal if isinstance(fov, Tensor) else float(focal)


def mirror_pose(pose: Tensor) -> Tensor:
    """Poses [B, 4, 4] of the horizontally flipped pictures (FFHQ's label tool: flip_yaw)."""
    mirror = torch.tensor([-1, 1, 1, 1], dtype=pose.dtype, device=pose.device)
    return mirror[:, None] * pose * mirror


def recenter_pose(pose: Tensor, center: tuple[float, float, float] = DATASET_CENTER,
                  radius: float = DATASET_RADIUS) -> Tensor:
    """Poses [B, 4, 4] moved to `radius` from `center` along the line between them, directions kept.

    FFHQ's label tool calls this fix_pose; with the center (0, 0, 0) it is fix_pose_orig.
    """
    middle = torch.tensor(center, dtype=pose.dtype, device=pose.device)
    moved = pose.clone()
    moved[:, :3, 3] = F.normalize(pose[:, :3, 3] - middle, dim=-1) * radius + middle
    return moved
