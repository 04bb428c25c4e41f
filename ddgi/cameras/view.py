"""Whether cameras see the head at all."""

from ..errors import InputError
from .camera import Camera
from .rules import box_range


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
    near, far = box_range(camera.label, box_warp)
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
