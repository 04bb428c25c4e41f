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


class PlaneTable:
    """Planes laid out for a CPU's caches: all channels of a pixel side by side, zeros around each plane.

    A point's mean feature is then one weighted sum of twelve rows, four from each plane: `mean_features` without
    gradients, several times faster.

    Args:
        planes: [3, C, P, P] of one head.
    """

    def __init__(self, planes: torch.Tensor, box_warp: float, plane_axes: str):
        self.side = planes.shape[-1] + 2
        self.rows = rearrange(F.pad(planes, (1, 1, 1, 1)), "plane c h w -> (plane h w) c").contiguous()
        self.scale, self.axes = planes.shape[-1] / box_warp, PLANE_AXES[plane_axes]

    def __call__(self, points: torch.Tensor) -> torch.Tensor:
        """Points [M, 3], world units, to features [M, C]."""
        # Pixel coordinates among the padded ones; further out there is nothing but zeros either.
        place = (points * self.scale + (self.side - 1) / 2).clamp_(0, self.side - 1)
        corner = place.int().clamp_(0, self.side - 2)
        high = place.sub_(corner)                               # [M, 3], weight of the corner further on
        low = 1 - high
        weights, indices = points.new_empty(len(points), 12), corner.new_empty(len(points), 12)
        for plane, (column, row) in enumerate(self.axes):
            first = corner[:, row] * self.side + corner[:, column] + plane * self.side ** 2
            lower, upper = low[:, row] / 3, high[:, row] / 3
            for number, (step, along, across) in enumerate((
                    (0, low, lower), (1, high, lower), (self.side, low, upper), (self.side + 1, high, upper))):
                torch.mul(along[:, column], across, out=weights[:, 4 * plane + number])
                torch.add(first, step, out=indices[:, 4 * plane + number])
        return F.embedding_bag(indices, self.rows, mode="sum", per_sample_weights=weights)
