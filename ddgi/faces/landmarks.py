"""Five points of a face, from the landmarks of any detector.

Points are in picture coordinates: x right, y down, (0, 0) the upper left corner of the picture, so that the centre
of its first pixel is (0.5, 0.5). Detectors count from the centre of the first pixel and are shifted on reading; others
(MediaPipe's own tools) give shares of the picture's width and height, which are scaled.
"""

import json
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InputError

POINTS = ("left eye", "right eye", "nose tip", "left mouth corner", "right mouth corner")     # as seen in the picture
# Landmarks whose mean is each of POINTS. The six points around an eye are the same in both sets.
_IBUG_68 = (range(36, 42), range(42, 48), [30], [48], [54])
_MEDIAPIPE = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380), [1], [61], [291])
_OUTSIDE = 0.5          # shares of the picture that a face may lie outside
_SETS = {5: ([0], [1], [2], [3], [4]), 68: _IBUG_68, 468: _MEDIAPIPE, 478: _MEDIAPIPE}


def five_points(landmarks: Tensor, size: tuple[int, int]) -> Tensor:
    """The POINTS [5, 2], float64, of one face's landmarks in a detector's pixels, or in shares of the picture.

    Args:
        landmarks: [L, 2 or more], L one of 5 (in the order of POINTS), 68 (iBUG, dlib), 468 or 478 (MediaPipe).
            Five points may name the sides as the person does: mirrored points are put right.
        size: (height, width) of the picture. A face that would be smaller than two of its pixels is in shares.

    Raises:
        InputError: another count, values that are not finite, or points that are no face.
    """
    if landmarks.ndim != 2 or landmarks.shape[0] not in _SETS or landmarks.shape[1] < 2:
        raise InputError(f"A face with landmarks of shape {list(landmarks.shape)} was given; a face needs 5, 68, 468 "
                         f"or 478 points of x and y.")
    pixels = landmarks[:, :2].detach().cpu().double()
    if not torch.isfinite(pixels).all():
        raise InputError("A face has landmarks that are not finite numbers; detect it again.")
    points = torch.stack([pixels[list(group)].mean(0) for group in _SETS[len(pixels)]])
    if ((points >= -_OUTSIDE) & (points <= 1 + _OUTSIDE)).all() and min(size) > 2:
        return _put_right(points * torch.tensor([size[1], size[0]], dtype=points.dtype))
    return _put_right(points + 0.5)


def given_faces(landmarks: dict | None, text: str, count: int, size: tuple[int, int]) -> list[Tensor] | None:
    """Faces of core's FACE_LANDMARKS or of a JSON text, for each picture [F, 5, 2]; None where neither is given.

    Arguments and errors as of `faces_from_mediapipe` and `faces_from_json`; InputError also where both are given.
    """
    if landmarks is not None and text.strip():
        raise InputError("Face landmarks and points are both given; give one of them.")
    if landmarks is not None:
        return faces_from_mediapipe(landmarks, count, size)
    return faces_from_json(text, count, size) if text.strip() else None


def faces_from_mediapipe(landmarks: dict, count: int, size: tuple[int, int]) -> list[Tensor]:
    """Faces of core's FACE_LANDMARKS: for each picture [F, 5, 2].

    Args:
        landmarks: {"frames": one list of faces per picture, "image_size": (height, width), ...}.
        count: number of pictures.
        size: (height, width) of the pictures in use.

    Raises:
        InputError: the landmarks belong to other pictures.
    """
    if not isinstance(landmarks, dict) or not {"frames", "image_size"} <= set(landmarks):
        raise InputError("The face landmarks are not those of ComfyUI's own Detect Face Landmarks (MediaPipe); use "
                         "that node, or give the points as text.")
    frames, found_in = landmarks["frames"], tuple(landmarks["image_size"])
    if len(frames) != count or found_in != tuple(size):
        raise InputError(f"The face landmarks are of {len(frames)} pictures of {found_in[1]} x {found_in[0]} pixels, "
                         f"but {count} of {size[1]} x {size[0]} were given; detect faces in the same pictures.")
    return [_stack([five_points(torch.as_tensor(face["landmarks_xy"]), size) for face in faces]) for faces in frames]


def faces_from_json(text: str, count: int, size: tuple[int, int]) -> list[Tensor]:
    """Faces of a JSON text: for each picture [F, 5, 2].

    Args:
        text: a face is a list of points [x, y] or {"x": x, "y": y}, as `five_points` takes them. Give one face, a
            list of faces (both for a single picture) or a list of such lists, one per picture.
        count: number of pictures.
        size: (height, width) of the pictures.

    Raises:
        InputError: no JSON, no faces, or not one list per picture.
    """
    try:
        value = json.loads(text, object_hook=_point)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The face points are no JSON ({error}); give a list of points such as "
                         f"[[x, y], [x, y], [x, y], [x, y], [x, y]].") from error
    depth = _depth(value)
    if depth == 2:
        value = [[value]]
    elif depth == 3:
        value = [value]
    elif depth != 4:
        raise InputError(f"The face points are nested {depth} deep; give a face as a list of points [x, y], or a list "
                         f"of faces, or a list of faces for each picture.")
    if len(value) != count:
        raise InputError(f"The face points are for {len(value)} picture(s), but {count} were given; give one list of "
                         f"faces per picture, empty where there is none.")
    try:
        return [_stack([five_points(torch.tensor(face, dtype=torch.float64), size) for face in faces])
                for faces in value]
    except (TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("The face points hold something that is no point; every point must be two numbers, "
                         "[x, y].") from error


def _point(value: dict) -> object:
    """MediaPipe's form of a point as [x, y]; another object as it is."""
    return [value["x"], value["y"]] if {"x", "y"} <= set(value) else value


def _depth(value: object) -> int:
    """How deep lists are nested; the deepest branch counts, since a picture may have no faces."""
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def _stack(faces: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(faces)) if faces else torch.zeros(0, 5, 2, dtype=torch.float64)


def _put_right(points: Tensor) -> Tensor:
    """Sides as seen in the picture, whatever the face's angle: from left to right eye, the mouth is clockwise."""
    left, right, nose, mouth_left, mouth_right = points
    across, down = right - left, (mouth_left + mouth_right - left - right) / 2
    if min(math.hypot(*across), math.hypot(*down)) < 1e-3 or torch.unique(points, dim=0).shape[0] < 5:
        raise InputError("Points of a face lie on each other; eyes, nose and mouth corners must be apart.")
    if across[0] * down[1] - across[1] * down[0] < 0:
        left, right, across = right, left, -across
    if torch.dot(mouth_right - mouth_left, across) < 0:
        mouth_left, mouth_right = mouth_right, mouth_left
    return torch.stack([left, right, nose, mouth_left, mouth_right])
