"""The exchange with ComfyUI's LOAD3D_CAMERA: a dict with position, target, quaternion, fov and zoom.

Its world is right-handed and y-up like EG3D's, but its camera looks down -z with y up. The viewer scales and moves
models to fit its stage, so its positions are in EG3D's units only after that transform, a LOAD3D_MODEL_INFO, is undone.
"""

import math

import torch
from torch import Tensor

from ..errors import InputError
from .camera import Camera
from .labels import label_from_pose, pose_from_forward

STAGE_SIZE = 5.0        # longest side of a model on the viewer's stage
DEFAULT_FOV = 35.0      # of core nodes where a camera has none
_TO_VIEWER = torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)      # camera axes: y and z change their sign


def camera_from_load3d(info: dict, model_info: list | dict | None = None) -> Camera:
    """The viewer's camera as it stands.

    Args:
        info: a LOAD3D_CAMERA.
        model_info: the LOAD3D_MODEL_INFO of the head in the viewer; None: scene units are EG3D's units.

    Raises:
        InputError: an orthographic or incomplete camera, or a model that is stretched.
    """
    pose = _viewer_pose(info)
    if str(info.get("cameraType", "")).lower().startswith("ortho"):
        raise InputError("The 3D viewer's camera is orthographic; switch the viewer to a perspective camera.")
    offset, rotation, scale = _model_transform(model_info)
    pose[:3, 3] = rotation.T @ (pose[:3, 3] - offset) / scale
    pose[:3, :3] = rotation.T @ pose[:3, :3]
    fov, zoom = _number(info, "fov", DEFAULT_FOV), _number(info, "zoom", 1.0)
    if not 0 < fov < 180 or not zoom > 0:
        raise InputError(f"The 3D viewer's camera has a field of view of {fov:g} degrees and a zoom of {zoom:g}; they "
                         f"must be between 0 and 180, and above 0.")
    return Camera(label_from_pose(pose[None], zoom * 0.5 / math.tan(math.radians(fov) / 2)).float())


def viewer_angles(info: dict, model_info: list | dict | None = None) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees of the viewer's viewing direction, whatever its distance and field of view.

    Raises:
        InputError: an incomplete camera.
    """
    rotation = _model_transform(model_info)[1]
    pose = _viewer_pose(info)
    pose[:3, :3] = rotation.T @ pose[:3, :3]
    pose[:3, 3] = -pose[:3, 2]
    camera = Camera(label_from_pose(pose[None]).float())
    return float(camera.yaw), float(camera.pitch), float(camera.roll)


def camera_to_load3d(camera: Camera, index: int = 0, model_info: list | dict | None = None) -> dict:
    """One view as LOAD3D_CAMERA; the viewer will orbit the point of the viewing axis nearest to the origin.

    Args:
        camera: the views.
        index: which of them.
        model_info: the LOAD3D_MODEL_INFO of the head in the viewer; None: scene units are EG3D's units.

    Raises:
        InputError: no such view, or a model that is stretched.
    """
    if not 0 <= index < len(camera):
        raise InputError(f"View {index} was asked for, but there are {len(camera)} cameras; use 0 to "
                         f"{len(camera) - 1}.")
    pose = camera.pose[index].double().cpu()
    offset, rotation, scale = _model_transform(model_info)
    ahead = max(-float(pose[:3, 3] @ pose[:3, 2]), 0.1 * float(pose[:3, 3].norm()))
    target = pose[:3, 3] + ahead * pose[:3, 2]
    position, target = (rotation @ point * scale + offset for point in (pose[:3, 3], target))
    w, x, y, z = _quaternion(rotation @ pose[:3, :3] * _TO_VIEWER)
    return {"position": _xyz(position), "target": _xyz(target), "zoom": 1.0, "cameraType": "perspective",
            "quaternion": {"x": x, "y": y, "z": z, "w": w}, "fov": float(camera.fov[index]), "aspect": 1.0,
            "near": 0.01 * scale, "far": 100.0 * scale}


def viewer_fit(vertices: Tensor) -> list[dict]:
    """LOAD3D_MODEL_INFO of what the viewer's button Fit to Viewer does to a model with vertices [N, 3].

    Raises:
        InputError: no vertices, or all at one point.
    """
    if vertices.ndim != 2 or vertices.shape[-1] != 3 or len(vertices) == 0:
        raise InputError(f"A mesh with vertices of shape {list(vertices.shape)} was given; it must be [N, 3] with N "
                         f"above 0.")
    low, high = vertices.double().amin(0).cpu(), vertices.double().amax(0).cpu()
    if not float((high - low).max()) > 0:
        raise InputError("The mesh has no size: all its vertices lie at one point; lower the threshold that made it.")
    scale = STAGE_SIZE / float((high - low).max())
    middle = (low + high) / 2
    return [{"position": _xyz(-scale * torch.stack([middle[0], low[1], middle[2]])),
             "quaternion": {"x": 0.0, "y": 0.0, "z": 0.0, "w": 1.0}, "scale": _xyz(torch.full((3,), scale))}]


def _viewer_pose(info: dict) -> Tensor:
    """cam2world [4, 4], float64, in scene units with EG3D's camera axes."""
    if not isinstance(info, dict) or not info.get("position"):
        raise InputError("The 3D viewer gave no camera; open the viewer once so that it has one, or disconnect it.")
    position = _vector(info, "position")
    if info.get("quaternion"):
        pose = torch.eye(4, dtype=torch.float64)
        pose[:3, :3] = _rotation(info["quaternion"], "camera") * _TO_VIEWER
        pose[:3, 3] = position
        return pose
    forward = _vector(info, "target") - position
    if float(forward[[0, 2]].norm()) < 1e-9:
        raise InputError("The 3D viewer's camera stands at its target, or straight above or below it; move it aside.")
    return pose_from_forward(forward[None], position[None])[0]


def _model_transform(model_info: list | dict | None) -> tuple[Tensor, Tensor, float]:
    """Offset [3], rotation [3, 3] and scale of the model in the viewer: world = offset + rotation @ (scale * point)."""
    if not model_info:
        return torch.zeros(3, dtype=torch.float64), torch.eye(3, dtype=torch.float64), 1.0
    model = model_info[0] if isinstance(model_info, list) else model_info
    scale = _vector(model, "scale")
    if not float(scale.min()) > 0 or float(scale.max() - scale.min()) > 1e-3 * float(scale.max()):
        raise InputError(f"The model in the 3D viewer is scaled by {[round(v, 4) for v in scale.tolist()]}; a camera "
                         f"can follow only an even scale above 0, so reset the model's scale.")
    return _vector(model, "position"), _rotation(model.get("quaternion") or {"w": 1.0}, "model"), float(scale.mean())


def _vector(values: dict, name: str) -> Tensor:
    entry = values.get(name)
    if not isinstance(entry, dict):
        raise InputError(f"The 3D viewer gave no {name}; run its node again.")
    return torch.tensor([_number(entry, axis, 0.0) for axis in "xyz"], dtype=torch.float64)


def _number(values: dict, name: str, default: float) -> float:
    value = values.get(name)
    value = default if value is None else value
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"The 3D viewer gave {value!r} for {name}; it must be a finite number.")
    return float(value)


def _xyz(vector: Tensor) -> dict[str, float]:
    return dict(zip("xyz", vector.tolist()))


def _rotation(quaternion: dict, owner: str) -> Tensor:
    """Matrix [3, 3] of {x, y, z, w}."""
    x, y, z, w = (_number(quaternion, axis, 0.0) for axis in "xyzw")
    length = math.sqrt(x * x + y * y + z * z + w * w)
    if length < 1e-9:
        raise InputError(f"The 3D viewer gave a {owner} quaternion of zeros; run its node again.")
    x, y, z, w = x / length, y / length, z / length, w / length
    return torch.tensor([[1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                         [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                         [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]], dtype=torch.float64)


def _quaternion(rotation: Tensor) -> list[float]:
    """[w, x, y, z] of a rotation matrix: the longest column of 4 q q^T, which avoids dividing by small numbers."""
    (a, b, c), (d, e, f), (g, h, i) = rotation.tolist()
    outer = torch.tensor([[1 + a + e + i, h - f, c - g, d - b],
                          [h - f, 1 + a - e - i, b + d, c + g],
                          [c - g, b + d, 1 - a + e - i, f + h],
                          [d - b, c + g, f + h, 1 - a - e + i]], dtype=torch.float64)
    column = outer[:, int(outer.diagonal().argmax())]
    return (column / column.norm()).tolist()
