"""Pictures of shape: depth and normals as ControlNets expect them, from what a volume renderer measured."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from .cameras import local_rays
from .errors import InputError

DEPTH_RANGES = ("each picture", "whole batch")
NORMAL_COLOURS = ("red right (OpenGL)", "red left (Normal Bae)")
_FLOOR = 0.1        # brightness of the head's farthest point, so that its outline shows on the black background
_TAIL = 0.005       # share of the nearest and of the farthest rays that do not count for the range: floating specks


def depth_pictures(depth: Tensor, alpha: Tensor, depth_range: str = DEPTH_RANGES[0]) -> Tensor:
    """Near white, far dark, background black: [N, 1, h, w] in 0..1.

    Args:
        depth: [N, 1, h, w] distances, world units.
        alpha: [N, 1, h, w] in 0..1, how much of a ray the head stops.
        depth_range: "each picture" uses all brightness for each; "whole batch" keeps a video steady.

    Raises:
        InputError: unknown range, or shapes that differ.
    """
    if depth_range not in DEPTH_RANGES:
        raise InputError(f"The depth range is {depth_range!r}; it must be one of {', '.join(DEPTH_RANGES)}.")
    _check_maps(depth, alpha)
    together = 1 if depth_range == DEPTH_RANGES[0] else max(len(depth), 1)
    pictures = []
    for distances, covered in zip(depth.split(together), alpha.split(together)):
        near, far = _range(distances[covered > 0.5])
        nearness = ((far - distances) / max(far - near, 1e-6)).clamp(0, 1)
        pictures.append((_FLOOR + (1 - _FLOOR) * nearness) * covered.clamp(0, 1))
    return torch.cat(pictures)


def normals_from_depth(depth: Tensor, labels: Tensor) -> Tensor:
    """Unit normals [N, 3, h, w] in camera space: x right, y up, z towards the viewer.

    Central differences of the points that the rays reach (one-sided at the border).

    Args:
        depth: [N, 1, h, h] distances along the unit rays through the pixel centres; h at least 2.
        labels: [N, 25], the cameras of the N pictures.

    Raises:
        InputError: shapes that do not fit.
    """
    size = depth.shape[-1]
    if depth.ndim != 4 or depth.shape[1] != 1 or depth.shape[2] != size or size < 2 or len(labels) != len(depth):
        raise InputError(f"Depth of shape {list(depth.shape)} and {len(labels)} cameras were given; normals need "
                         f"[N, 1, size, size] of at least 2 pixels and one camera each.")
    rays = rearrange(local_rays(labels.to(depth), size), "n (row column) xyz -> n row column xyz", row=size)
    points = rays * depth[:, 0, :, :, None]                                     # x right, y down, z forward
    along_v, along_u = torch.gradient(points, dim=(1, 2))
    normals = F.normalize(torch.linalg.cross(along_v, along_u), dim=-1, eps=1e-20)
    return rearrange(normals * normals.new_tensor([1, -1, -1]), "n row column xyz -> n xyz row column")


def normal_pictures(normals: Tensor, alpha: Tensor, colours: str = NORMAL_COLOURS[0]) -> Tensor:
    """Normals [N, 3, h, w] as colours in 0..1; the background faces the viewer, (0.5, 0.5, 1).

    Args:
        normals: unit vectors, x right, y up, z towards the viewer.
        alpha: [N, 1, h, w] in 0..1.
        colours: blue faces the viewer and green up; red faces right, as in 3D programs and core's "normal_opengl",
            or left, as in the pictures of the Normal Bae preprocessor.

    Raises:
        InputError: unknown colours, or shapes that differ.
    """
    if colours not in NORMAL_COLOURS:
        raise InputError(f"The normal colours are {colours!r}; they must be one of {', '.join(NORMAL_COLOURS)}.")
    _check_maps(normals[:, :1], alpha)
    flat = normals.new_tensor([0, 0, 1])[:, None, None]
    blended = F.normalize(torch.lerp(flat.expand_as(normals), normals, alpha.clamp(0, 1)), dim=1)
    if colours == NORMAL_COLOURS[1]:
        blended = blended * blended.new_tensor([-1, 1, 1])[:, None, None]
    return (blended + 1) / 2


def _range(distances: Tensor) -> tuple[float, float]:
    """Nearest and farthest of distances [M] without their tails; 0, 0 of none."""
    if len(distances) == 0:
        return 0.0, 0.0
    ordered, skip = distances.sort().values, int(_TAIL * len(distances))
    return float(ordered[skip]), float(ordered[-1 - skip])


def _check_maps(first: Tensor, alpha: Tensor) -> None:
    if first.ndim != 4 or first.shape[1] != 1 or first.shape != alpha.shape:
        raise InputError(f"Maps of shape {list(first.shape)} and {list(alpha.shape)} were given; both must be "
                         f"[N, 1, height, width].")
