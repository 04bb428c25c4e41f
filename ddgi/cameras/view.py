"""Whether cameras see the head at all."""

import torch
from torch import Tensor

from ..errors import InputError
from .camera import Camera
from .labels import rays_from_label

_RAYS = 16      # per side of the picture; the box's middle is checked on its own


def check_view(camera: Camera, box_warp: float = 1.0, ray_range: tuple[float | None, float | None] = (None, None),
               ) -> None:
    """Refuse cameras whose pictures would be empty.

    Args:
        camera: the views.
        box_warp: side of the cube around the origin that holds the head.
        ray_range: where the generator samples along rays, world units; None for its whole length.

    Raises:
        InputError: a view looks away from the box, or the box lies outside the ray range.
    """
    near, far = _box_range(camera.label.double().cpu(), box_warp)
    for index in range(len(camera)):
        which = f"Camera {index + 1} of {len(camera)}" if len(camera) > 1 else "The camera"
        yaw, pitch, radius = (float(value[index]) for value in (camera.yaw, camera.pitch, camera.radius))
        where = f"{which} (yaw {yaw:.0f}, pitch {pitch:.0f}, radius {radius:.3g})"
        if far[index] <= 0:
            raise InputError(f"{where} looks away from the head; put the pivot near the origin or turn the camera.")
        start, end = ray_range
        if start is not None and end is not None and (far[index] <= start or near[index] >= end):
            raise InputError(f"{where} has the head {near[index]:.3g} to {far[index]:.3g} away, but this generator "
                             f"looks from {start:g} to {end:g}; set the radius near {(start + end) / 2:.2g}.")


def _box_range(labels: Tensor, box_warp: float) -> tuple[Tensor, Tensor]:
    """Distances [V] along the rays where the box begins and ends; an end of 0 or less: no ray meets it."""
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
    pose, k = labels[:, :16].reshape(-1, 4, 4), labels[:, 16:].reshape(-1, 3, 3)
    local = (directions[:, None] @ pose[:, :3, :3])[:, 0]
    pixel = (k @ (local / local[:, 2:].clamp_min(1e-9))[..., None])[:, :2, 0]
    seen = (local[:, 2] > 0) & (pixel > 0).all(1) & (pixel < 1).all(1)
    return torch.where(seen[:, None], directions, pose[:, :3, 2])
