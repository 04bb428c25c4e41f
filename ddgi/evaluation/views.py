"""Scores of a head seen from several sides: depth, silhouette, and whether the views agree with each other.

Views agree when a picture, carried into the next view by depth, looks like that view. Depths are distances along
unit rays in world units, cameras are labels [B, 25] as in `ddgi.cameras`.
"""

import math

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from ..cameras import rays_from_label, split_label
from ..pictures import resize
from .score import Score

# A point counts as seen by both cameras when its distance differs from the other depth picture by at most this much.
# World units: three pixels' width of a 64 px picture from the usual distance (2.7 / 4.2647 / 64 = 0.01 each).
DEPTH_TOLERANCE = 0.03
PEAK = 2.0                                  # of pictures in [-1, 1]


def points_of(depth: Tensor, label: Tensor) -> Tensor:
    """World points [B, R*R, 3] of a depth picture [B, 1, R, R], rows first."""
    origins, directions = rays_from_label(label, depth.shape[-1])
    return origins[:, None] + directions * rearrange(depth, "b 1 h w -> b (h w) 1")


def picture_coordinates(points: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Where cameras [B, 25] see points [B, M, 3]: the inverse of `rays_from_label`.

    Returns:
        Picture coordinates [B, M, 2] (column, row; 0..1 inside the picture; NaN or huge at the camera's own plane)
        and z [B, M] along the camera's axis, positive in front of it.
    """
    pose, k = split_label(label)
    x, y, z = ((points - pose[:, None, :3, 3]) @ pose[:, :3, :3]).unbind(-1)
    fx, fy, cx, cy, skew = (k[:, i, j, None] for i, j in ((0, 0), (1, 1), (0, 2), (1, 2), (0, 1)))
    return torch.stack([(fx * x + skew * y) / z + cx, fy * y / z + cy], -1), z


def reproject(image: Tensor, depth: Tensor, camera_from: Tensor, camera_to: Tensor) -> tuple[Tensor, Tensor]:
    """Carry pictures from one camera to another.

    Each pixel of the new view is a point in the world; the picture is read where its camera sees that point
    (bilinear; zero outside the picture and behind the camera).

    Args:
        image: [B, C, H, W], seen by `camera_from`.
        depth: [B, 1, R, R], seen by `camera_to`.
        camera_from, camera_to: labels [B, 25].

    Returns:
        The picture [B, C, R, R] as `camera_to` sees it, and the distance [B, 1, R, R] of its points from `camera_from`.
        Whether something stood in between is for the caller to test: compare it with the depth that
        `camera_from` saw there.
    """
    points = points_of(depth, camera_to)
    where, z = picture_coordinates(points, camera_from)
    outside = torch.full_like(where, 2)
    grid = rearrange(torch.where((z > 1e-6)[..., None], where * 2 - 1, outside), "b (h w) xy -> b h w xy",
                     h=depth.shape[-2])
    warped = F.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    origin = split_label(camera_from)[0][:, None, :3, 3]
    return warped, (points - origin).norm(dim=-1).reshape(depth.shape)


def psnr(squared_error: float, peak: float = PEAK) -> float:
    """Peak signal-to-noise ratio in dB of a mean squared error; infinite for none."""
    return math.inf if squared_error == 0 else 10 * math.log10(peak ** 2 / squared_error)


def view_consistency(images: Tensor, depths: Tensor, heads: Tensor, cameras: Tensor,
                     tolerance: float = DEPTH_TOLERANCE) -> tuple[Tensor, Tensor]:
    """Carry each view into the next one and compare.

    Pixels count that belong to the head in both views and that both cameras see: the distance from the first camera
    must be within `tolerance` of the depth it saw there.

    Args:
        images: [V, C, R, R] of one head. depths: [V, 1, R, R]. heads: bool [V, 1, R, R], True on the head.
        cameras: [V, 25].

    Returns:
        Mean squared error over channels [V - 1, 1, R, R], zero where it does not count, and the bool mask of what does.
    """
    seen = torch.cat([images, depths, heads.to(images)], 1)[:-1]
    warped, distance = reproject(seen, depths[1:], cameras[:-1], cameras[1:])
    colour, depth, head = warped[:, :-2], warped[:, -2:-1], warped[:, -1:]
    # Between a head pixel and the background the bilinear depth is neither: all four neighbours must be head.
    counts = heads[1:] & (head > 0.999) & ((depth - distance).abs() <= tolerance)
    return (colour - images[1:]).square().mean(1, keepdim=True) * counts, counts


class ConsistencyScore:
    """View consistency of many heads, all seen by the same cameras in order.

    psnr: dB, over all counted pixels of all pairs; higher is better. seen: share of the head's pixels that counted.
    """

    def __init__(self, names: list[str], cameras: Tensor):
        self.cameras = cameras
        self.pairs = [f"{a} to {b}" for a, b in zip(names, names[1:])]
        self.error, self.counted, self.head = (torch.zeros(len(self.pairs), dtype=torch.double) for _ in range(3))

    def add(self, images: Tensor, depths: Tensor, heads: Tensor) -> None:
        """Pictures [B, V, 3, R, R] in [-1, 1], depths [B, V, 1, R, R] and heads bool [B, V, 1, R, R]."""
        for image, depth, head in zip(images, depths, heads):
            error, counts = view_consistency(image, depth, head, self.cameras)
            self.error += error.double().sum((1, 2, 3)).cpu()
            self.counted += counts.double().sum((1, 2, 3)).cpu()
            self.head += head[1:].double().sum((1, 2, 3)).cpu()

    def result(self) -> dict:
        """{"psnr", "seen", "pairs": {"-40 to -30": psnr, ...}}; None where no pixel counted."""
        pairs = {name: _psnr_of(error, count) for name, error, count
                 in zip(self.pairs, self.error.tolist(), self.counted.tolist())}
        seen = self.counted.sum() / self.head.sum().clamp_min(1)
        return {"psnr": _psnr_of(self.error.sum().item(), self.counted.sum().item()), "seen": round(seen.item(), 4),
                "pairs": pairs}


def _psnr_of(error: float, count: float) -> float | None:
    return round(psnr(error / count), 2) if count else None


class ViewScore:
    """Scores of one view over many heads: `Score` of the pictures, and of depth and silhouette.

    depth_error: mean absolute difference of depth in world units, over pixels that are head in both; lower is better.
    silhouette: intersection over union of the two head areas.
    """

    def __init__(self, judges):
        self.score = Score(judges)
        self.depth_error, self.both, self.either = 0.0, 0, 0

    def add(self, image: Tensor, depth: Tensor, head: Tensor, truth) -> None:
        """Pictures [B, 3, H, W] in [-1, 1], depth [B, 1, R, R], head bool [B, 1, R, R]; truth: HeadWorldBatch at R."""
        self.score.add(image, truth)
        true_head = truth.mask[:, None] != 0
        both = head & true_head
        self.depth_error += ((depth - truth.depth).abs() * both).double().sum().item()
        self.both += int(both.sum())
        self.either += int((head | true_head).sum())

    def result(self) -> dict[str, float | None]:
        depth = round(self.depth_error / self.both, 5) if self.both else None
        return {**self.score.result(), "depth_error": depth, "silhouette": round(self.both / max(self.either, 1), 4)}


def fit_depth(depth: Tensor, alpha: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
    """Depth and alpha [B, 1, h, w] brought to another resolution, both [B, 1, R, R].

    Depths are weighted by alpha, so that the background behind an edge does not pull them back.
    """
    if depth.shape[-1] == resolution:
        return depth, alpha
    nothing = 1e-4
    weighted, weight = (resize(x, resolution) for x in (depth * (alpha + nothing), alpha + nothing))
    return weighted / weight, weight - nothing


def before_wall(image: Tensor, alpha: Tensor, wall: Tensor) -> Tensor:
    """Pictures [B, 3, R, R] in [-1, 1] drawn before white, with a wall [B, 3, R, R] in the white's place.

    alpha [B, 1, R, R] in 0..1 is how much of each pixel is head; judges trained before walls misread white.
    """
    return (image + (1 - alpha) * (wall - 1)).clamp(-1, 1)


def side_ratio(scores: dict[str, dict], side: int = 30) -> dict[str, float]:
    """How much of the frontal score is left at `side` degrees, for each measure; the worse of both sides.

    Args:
        scores: {yaw as text: result of `ViewScore`}; a side that was not measured is left out.
    """
    front, sides = scores.get("0"), [scores[key] for key in (f"-{side}", f"{side}") if key in scores]
    if front is None or not sides:
        return {}
    higher = ("miou", "pixel_accuracy", "attribute_accuracy", "silhouette")
    ratios = {name: min(s[name] for s in sides) / front[name] for name in higher if front[name]}
    depths = [s["depth_error"] for s in sides]
    if front["depth_error"] and all(depths):
        ratios["depth_error"] = front["depth_error"] / max(depths)
    return {name: round(value, 4) for name, value in ratios.items()}
