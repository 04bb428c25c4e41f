"""Camera paths for videos."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InputError
from .camera import FOV, PIVOT, Camera
from .labels import RADIUS

PATHS = ("circle", "swing", "nod", "turn", "spiral")
EASINGS = ("linear", "smooth")


def orbit(frames: int, path: str = "circle", easing: str = "linear", *, loop: bool = True, yaw: float = 0.0,
          pitch: float = 0.0, yaw_range: float = 20.0, pitch_range: float = 14.0, turns: float = 3.0,
          roll: float = 0.0, radius: float = RADIUS, fov: float = FOV,
          pivot: Sequence[float] = PIVOT) -> Camera:
    """One camera per frame.

    Args:
        frames: how many.
        path: around (`yaw`, `pitch`), with x = yaw_range and y = pitch_range:
            "circle" wobbles once round the ellipse x, y, as EG3D's videos do; "swing" goes right, left and back by x;
            "nod" up, down and back by y; "turn" once around the head; "spiral" makes `turns` circles that open from
            the middle to x, y and close again.
        easing: "linear", or "smooth": slow at the beginning and the end.
        loop: leaves out the last frame where it repeats the first, so that the video loops without a stop; False
            ends exactly where the path ends.
        yaw, pitch, roll, radius, fov, pivot: as in `Camera.from_angles`.

    Raises:
        InputError: no frames, an unknown path or easing, or a camera that cannot be.
    """
    if not isinstance(frames, int) or frames < 1:
        raise InputError(f"An orbit of {frames} frames was asked for; it must have at least 1.")
    if path not in PATHS:
        raise InputError(f"The orbit path is {path!r}; it must be one of {', '.join(PATHS)}.")
    if easing not in EASINGS:
        raise InputError(f"The easing is {easing!r}; it must be one of {', '.join(EASINGS)}.")
    time = torch.arange(frames, dtype=torch.float64) / max(frames if loop else frames - 1, 1)
    if easing == "smooth":
        time = time * time * (3 - 2 * time)
    x, y = _offsets(path, time, turns)
    turn = 360 * time if path == "turn" else 0
    return Camera.from_angles(yaw + turn + yaw_range * x, pitch + pitch_range * y, roll, radius, fov, pivot)


def _offsets(path: str, time: Tensor, turns: float) -> tuple[Tensor, Tensor]:
    """Shares [F] of the yaw and the pitch range at times [F] of 0..1."""
    still, angle = torch.zeros_like(time), 2 * math.pi * time
    if path == "circle":
        return angle.sin(), angle.cos()
    if path == "spiral":
        opening = (1 - angle.cos()) / 2
        return opening * (turns * angle).sin(), opening * (turns * angle).cos()
    return {"swing": (angle.sin(), still), "nod": (still, angle.sin()), "turn": (still, still)}[path]
