"""The camera that sees a face as a picture shows it, from five points and the mean face."""

import torch
from einops import rearrange
from torch import Tensor

from ..cameras import FOV, PIVOT, RADIUS, Camera
from ..cameras.labels import label_from_pose
from ..errors import InputError

# `landmarks.POINTS` of mean faces, in eye distances from between the eyes: x right in the picture, y up, z forward.
# "photograph": rounded adult means of anthropometry (pupils 63 mm apart, mouth corners 50 mm apart and 68 mm below the
# eyes, nose tip 38 mm below and 37 mm before them). "head world": means of 64 rendered heads, seeds 1000 to 1063.
PROPORTIONS = {
    "photograph": ((-0.5, 0, 0), (0.5, 0, 0), (0, -0.6, 0.58), (-0.4, -1.08, 0.1), (0.4, -1.08, 0.1)),
    "head world": ((-0.5, 0, 0), (0.5, 0, 0), (0, -0.39, 0.39), (-0.36, -0.91, -0.05), (0.36, -0.91, -0.05)),
}
_WEIGHTS = (1, 1, 1, 0.25, 0.25)    # the mouth moves with the expression and differs most between people
_ROUNDS = 20            # Gauss-Newton steps; faces within 60 degrees of the front settle in less than 10


def cameras_from_points(points: Tensor, proportions: str = "photograph", radius: float = RADIUS,
                        fov: float = FOV) -> Camera:
    """Cameras of N faces, on EG3D's sphere and looking at its pivot.

    Args:
        points: [N, 5, 2], `landmarks.POINTS`, y down, any scale and place; NaN (no face found) gives the front.
        proportions: the mean face, one of PROPORTIONS.
        radius: of the camera from the origin, world units.
        fov: degrees from the picture's top to its bottom.

    Raises:
        InputError: unknown proportions, or a lens that `Camera` refuses.
    """
    if proportions not in PROPORTIONS:
        raise InputError(f"The proportions are {proportions!r}; they must be one of {', '.join(PROPORTIONS)}.")
    front = Camera.from_angles(radius=[radius] * len(points), fov=fov)
    rotation = rotations_from_points(points, proportions)
    pivot = torch.tensor(PIVOT, dtype=torch.float64)
    forward = rotation[:, 2]
    along = forward @ pivot
    distance = along + (along.square() - pivot.square().sum() + radius ** 2).clamp_min(0).sqrt()
    pose = torch.eye(4, dtype=torch.float64).repeat(len(points), 1, 1)
    pose[:, :3, :3] = rotation.transpose(1, 2)
    pose[:, :3, 3] = pivot - forward * distance[:, None]
    label = label_from_pose(pose, front.intrinsics[:, 0, 0].double()).float()
    found = torch.isfinite(points).all(-1).all(-1)
    return Camera(torch.where(found[:, None], label, front.label))


def rotations_from_points(points: Tensor, proportions: str = "photograph") -> Tensor:
    """World-to-camera rotations, float64 [N, 3, 3] (camera axes x right, y down, z forward), the front for NaN.

    The face is fitted by a rotation, a scale and a shift in the picture (weak perspective), with least weighted
    squared distances: first the best affine map, then Gauss-Newton over rotation and scale.
    """
    weights = torch.tensor(_WEIGHTS, dtype=torch.float64)[:, None]
    shape = torch.tensor(PROPORTIONS[proportions], dtype=torch.float64)
    front = shape[:, :2] * shape.new_tensor([1, -1])
    seen = points.double().cpu()
    seen = torch.where(torch.isfinite(seen).all(-1).all(-1)[:, None, None], seen, front)
    shape, seen = _weighted(shape, weights), _weighted(seen, weights)
    affine = seen.transpose(1, 2) @ torch.linalg.pinv(shape).T                        # [N, 2, 3]
    u, stretch, v = torch.linalg.svd(affine, full_matrices=False)
    rows = u @ v
    rotation = torch.cat([rows, torch.linalg.cross(rows[:, 0], rows[:, 1])[:, None]], 1)
    scale = stretch.mean(1)
    for _ in range(_ROUNDS):
        rotation, scale = _gauss_newton(rotation, scale, shape, seen)
    return rotation


def _weighted(points: Tensor, weights: Tensor) -> Tensor:
    """Points [..., 5, D] from their weighted mean, times the roots of the weights [5, 1]."""
    mean = (weights * points).sum(-2, keepdim=True) / weights.sum()
    return (points - mean) * weights.sqrt()


def _gauss_newton(rotation: Tensor, scale: Tensor, shape: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """One step for rotations [N, 3, 3] and scales [N]; shape [5, 3], seen [N, 5, 2], both from `_weighted`."""
    turned = shape @ rotation.transpose(1, 2)                                         # [N, 5, 3]
    axes = torch.eye(3, dtype=shape.dtype)
    moves = torch.linalg.cross(axes[:, None, None].expand(3, *turned.shape), turned[None], dim=-1)
    moves = moves[..., :2] * scale[:, None, None]                                     # about x, y, z: [3, N, 5, 2]
    jacobian = rearrange([*moves, turned[..., :2]], "unknown n point xy -> n (point xy) unknown")
    residual = rearrange(seen - scale[:, None, None] * turned[..., :2], "n point xy -> n (point xy)")
    step = torch.linalg.lstsq(jacobian, residual[..., None]).solution[..., 0]
    return torch.linalg.matrix_exp(_skew(step[:, :3])) @ rotation, scale + step[:, 3]


def _skew(v: Tensor) -> Tensor:
    """Matrices [N, 3, 3] that turn a vector into its cross product with v [N, 3]."""
    x, y, z = v.unbind(1)
    zero = torch.zeros_like(x)
    return rearrange([zero, -z, y, z, zero, -x, -y, x, zero], "(row column) n -> n row column", row=3)
