"""Tri-planes: features of points in space from three axis-aligned feature images (Chan et al. 2022, section 4.1)."""

import torch
import torch.nn.functional as F
from einops import rearrange

# For each plane the coordinates (column, row) it is read at. Released EG3D weights need the first entry: its
# third plane repeats the second, transposed (a known bug of the reference, eg3d issue 67). Forks differ.
PLANE_AXES = {
    "xy_xz_zx": ((0, 1), (0, 2), (2, 0)),
    "xy_yz_zx": ((0, 1), (1, 2), (2, 0)),
    "xy_xz_zy": ((0, 1), (0, 2), (2, 1)),
    "xy_xz_yz": ((0, 1), (0, 2), (1, 2)),
}


def project(points: torch.Tensor, plane_axes: str) -> torch.Tensor:
    """Points [B, M, 3] to their coordinates on the three planes, [B, 3, M, 2]."""
    axes = torch.tensor(PLANE_AXES[plane_axes], device=points.device)
    return rearrange(points[..., axes], "b m plane xy -> b plane m xy")


def plane_features(planes: torch.Tensor, points: torch.Tensor, box_warp: float, plane_axes: str) -> torch.Tensor:
    """Features of each plane at the points, bilinear, zero outside the box.

    Args:
        planes: [B, 3, C, H, W].
        points: [B, M, 3], world units; the planes cover the cube of side `box_warp` around the origin.

    Returns:
        [B, 3, C, M].
    """
    grid = rearrange(project(points * (2 / box_warp), plane_axes), "b plane m xy -> (b plane) 1 m xy")
    features = F.grid_sample(rearrange(planes, "b plane c h w -> (b plane) c h w"), grid.to(planes.dtype),
                             mode="bilinear", padding_mode="zeros", align_corners=False)
    return rearrange(features, "(b plane) c 1 m -> b plane c m", plane=3)


def mean_features(planes: torch.Tensor, points: torch.Tensor, box_warp: float, plane_axes: str) -> torch.Tensor:
    """Mean over the planes of `plane_features`, [B, C, M], without holding all three at once."""
    total = None
    for plane, axes in zip(planes.unbind(1), PLANE_AXES[plane_axes]):
        grid = (points[..., list(axes)] * (2 / box_warp))[:, None].to(planes.dtype)
        features = F.grid_sample(plane, grid, mode="bilinear", padding_mode="zeros", align_corners=False)[:, :, 0]
        if total is None:
            total = features
        else:
            total = total + features if torch.is_grad_enabled() else total.add_(features)
    return total * (1 / 3) if torch.is_grad_enabled() else total.mul_(1 / 3)
