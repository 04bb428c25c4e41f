"""What a camera label may be: one rule for nodes, latents and training data."""

import torch
from torch import Tensor

from .labels import RADIUS, rays_from_label, split_label

# Labels travel through rounded text files.
_ORTHONORMAL_TOLERANCE = 1e-3
# A larger focal length sees less than a third of a degree: it was not divided by the picture's size.
LARGEST_FOCAL = 200.0
_RAYS = 16              # a side of the picture; the box's middle is looked at on its own
_CHUNK = 1024           # cameras at a time


def pose_faults(labels: Tensor) -> list[str | None]:
    """What is wrong with the poses of labels [V, 25], a clause for each, None for good ones."""
    pose, _ = split_label(labels.double().cpu())
    rotation = pose[:, :3, :3]
    off = (rotation.transpose(1, 2) @ rotation - torch.eye(3, dtype=pose.dtype)).abs().amax((1, 2))
    last = (pose[:, 3] == torch.tensor([0, 0, 0, 1.0], dtype=pose.dtype)).all(1)
    valid = (off <= _ORTHONORMAL_TOLERANCE) & (torch.linalg.det(rotation) > 0) & last
    inside = pose[:, :3, 3].norm(dim=1) < 1e-6
    faults: list[str | None] = [None] * len(labels)
    for index in (~valid | inside).nonzero()[:, 0].tolist():
        faults[index] = (
            f"stands at the origin (radius 0), inside the head; give it a radius above 0, {RADIUS} is usual"
            if valid[index] else
            f"has no valid pose: the axes of its cam2world matrix must be perpendicular, of length 1 and right-handed "
            f"(they are off by {off[index]:.2g}); make it from angles or repair the label")
    return faults


def lens_faults(labels: Tensor) -> list[str | None]:
    """What is wrong with the intrinsics of labels [V, 25], a clause for each, None for good ones."""
    _, matrix = split_label(labels.double().cpu())
    focal, centre = matrix[:, [0, 1], [0, 1]], matrix[:, :2, 2]
    shaped = (matrix[:, 1, 0] == 0) & (matrix[:, 2] == torch.tensor([0, 0, 1.0], dtype=matrix.dtype)).all(1)
    valid = shaped & (focal > 0).all(1)
    divided = ((centre >= 0) & (centre <= 1) & (focal <= LARGEST_FOCAL)).all(1)
    faults: list[str | None] = [None] * len(labels)
    for index in (~(valid & divided)).nonzero()[:, 0].tolist():
        given = f"has the intrinsics {[round(value, 4) for value in matrix[index].flatten().tolist()]}"
        faults[index] = (
            f"{given}, which are in pixels; divide them by the picture's size, so that the centre lies in 0 to 1"
            if valid[index] else
            f"{given}; they must be [fx, skew, cx, 0, fy, cy, 0, 0, 1] with focal lengths above 0, divided by the "
            f"picture's size")
    return faults


def box_range(labels: Tensor, box_warp: float = 1.0) -> tuple[Tensor, Tensor]:
    """Distances [V] at which rays of labels [V, 25] meet the cube around the origin first and leave it last.

    A far end of 0 or less: no ray meets it, the camera looks away.

    Args:
        box_warp: side of the cube, which holds the head.
    """
    parts = [_box_range(part, box_warp) for part in labels.double().cpu().split(_CHUNK)]
    return torch.cat([near for near, _ in parts]), torch.cat([far for _, far in parts])


def _box_range(labels: Tensor, box_warp: float) -> tuple[Tensor, Tensor]:
    origins, directions = rays_from_label(labels, _RAYS)
    middle = -origins / origins.norm(dim=1, keepdim=True)
    directions = torch.cat([directions, _if_seen(labels, middle)[:, None]], 1)     # [V, R*R + 1, 3]
    directions = torch.where(directions.abs() < 1e-12, 1e-12, directions)
    sides = torch.stack([-box_warp / 2 - origins, box_warp / 2 - origins])[:, :, None] / directions
    enter, leave = sides.amin(0).amax(-1), sides.amax(0).amin(-1)                  # [V, R*R + 1]
    met = (leave > enter) & (leave > 0)
    near = torch.where(met, enter.clamp_min(0), torch.inf).amin(1)
    return near, torch.where(met, leave, -torch.inf).amax(1)


def _if_seen(labels: Tensor, directions: Tensor) -> Tensor:
    """Directions [V, 3], or straight forward where they lie outside the picture."""
    pose, k = split_label(labels)
    local = (directions[:, None] @ pose[:, :3, :3])[:, 0]
    pixel = (k @ (local / local[:, 2:].clamp_min(1e-9))[..., None])[:, :2, 0]
    seen = (local[:, 2] > 0) & (pixel > 0).all(1) & (pixel < 1).all(1)
    return torch.where(seen[:, None], directions, pose[:, :3, 2])
