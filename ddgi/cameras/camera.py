"""A batch of cameras with true angles, checked at construction."""

import dataclasses
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InputError
from .labels import FOCAL, RADIUS, label_from_pose, pose_from_forward, split_label
from .rules import LARGEST_FOCAL, lens_faults, pose_faults

FOV = math.degrees(2 * math.atan(0.5 / FOCAL))      # 13.37 degrees from the picture's top to its bottom
_LEAST_FOV = math.degrees(2 * math.atan(0.5 / LARGEST_FOCAL))
PIVOT = (0.0, 0.0, 0.2)                             # what EG3D's frontal camera looks at

Numbers = float | Sequence[float] | Tensor


@dataclasses.dataclass(frozen=True, eq=False)
class Camera:
    """Where V views are seen from.

    A camera stands on a sphere around the origin, the middle of EG3D's volume, from which the generator's ray range
    is measured, and looks at a pivot, which need not be the origin. So `yaw`, `pitch` and `radius` follow from the
    label alone. Angles are true angles in degrees, unlike those of EG3D's scripts (see `reference`).

    Attributes:
        label: [V, 25] floats: row-major cam2world (x right, y down, z forward; world y-up), then intrinsics
            divided by image size.

    Raises:
        InputError: a wrong shape, values that are not finite, a rotation that is none, no radius, no field of view, or
            intrinsics in pixels.
    """

    label: Tensor

    def __post_init__(self):
        label = self.label
        if not isinstance(label, Tensor) or label.ndim != 2 or label.shape[1] != 25 or len(label) == 0:
            shape = list(label.shape) if isinstance(label, Tensor) else type(label).__name__
            raise InputError(f"Cameras of shape {shape} were given; they must be [views, 25]: 16 cam2world numbers and "
                             f"9 normalised intrinsics.")
        if not label.is_floating_point() or not torch.isfinite(label).all():
            raise InputError(f"The cameras hold values of type {label.dtype} that are not all finite numbers; make "
                             f"them again from finite angles, radius and field of view.")
        for index, (pose, lens) in enumerate(zip(pose_faults(label), lens_faults(label))):
            if pose or lens:
                raise InputError(f"Camera {index + 1} of {len(label)} {pose or lens}.")

    @classmethod
    def from_angles(cls, yaw: Numbers = 0.0, pitch: Numbers = 0.0, roll: Numbers = 0.0, radius: Numbers = RADIUS,
                    fov: Numbers = FOV, pivot: Sequence[float] | Tensor = PIVOT) -> "Camera":
        """Cameras around the origin; each argument is a number or one per view.

        Args:
            yaw: degrees; positive moves the camera towards +x, to the right of the picture.
            pitch: degrees in (-90, 90); positive raises the camera.
            roll: degrees; positive turns the head clockwise in the picture.
            radius: distance from the origin, world units.
            fov: degrees in (0.29, 180) from the picture's top to its bottom, as in ComfyUI's 3D viewer.
            pivot: [3] or [V, 3], the point in the middle of the picture.

        Raises:
            InputError: a value is out of range or not finite, or the counts differ.
        """
        yaw, pitch, roll, radius, fov = _broadcast(yaw=yaw, pitch=pitch, roll=roll, radius=radius, fov=fov)
        pivot = torch.as_tensor(pivot, dtype=torch.float64)
        if pivot.shape not in ((3,), (len(yaw), 3)) or not torch.isfinite(pivot).all():
            raise InputError(f"A pivot of {pivot.tolist()} was given; it must be three finite numbers: x, y and z.")
        _check_range("pitch", pitch, -90, 90, "above -90 and below 90 degrees")
        _check_range("radius", radius, 0, math.inf, f"above 0; {RADIUS} is usual")
        _check_range("field of view", fov, _LEAST_FOV, 180,
                     f"above {_LEAST_FOV:.2f} and below 180 degrees; {FOV:.2f} is usual")
        yaw, pitch = yaw.deg2rad(), pitch.deg2rad()
        outward = torch.stack([yaw.sin() * pitch.cos(), pitch.sin(), yaw.cos() * pitch.cos()], -1)
        position = outward * radius[:, None]
        forward = pivot - position
        sideways = forward[:, [0, 2]].norm(dim=1)
        if (sideways < 1e-6).any():
            raise InputError("The camera stands at its pivot or straight above or below it, so that up is undefined; "
                             "move the pivot or change the angles.")
        pose = _turn(pose_from_forward(forward, position), roll.deg2rad())
        return cls(label_from_pose(pose, 0.5 / (fov.deg2rad() / 2).tan()).float())

    @classmethod
    def of(cls, cameras: "Camera | Tensor") -> "Camera":
        """A Camera as it is, or labels [V, 25] checked; raises InputError as the constructor does."""
        return cameras if isinstance(cameras, cls) else cls(cameras)

    @classmethod
    def join(cls, *cameras: "Camera") -> "Camera":
        """All views of several cameras, in order."""
        return cls(torch.cat([camera.label.cpu().float() for camera in cameras]))

    def __len__(self) -> int:
        return len(self.label)

    @property
    def pose(self) -> Tensor:
        """cam2world, [V, 4, 4]."""
        return split_label(self.label)[0]

    @property
    def intrinsics(self) -> Tensor:
        """Divided by image size, [V, 3, 3]."""
        return split_label(self.label)[1]

    @property
    def position(self) -> Tensor:
        """World units, [V, 3]."""
        return self.pose[:, :3, 3]

    @property
    def forward(self) -> Tensor:
        """Unit viewing directions, [V, 3]."""
        return self.pose[:, :3, 2]

    @property
    def radius(self) -> Tensor:
        """Distance from the origin, [V]."""
        return self.position.norm(dim=1)

    @property
    def yaw(self) -> Tensor:
        """Degrees in -180..180, [V]: where the camera stands around the origin."""
        return torch.atan2(self.position[:, 0], self.position[:, 2]).rad2deg()

    @property
    def pitch(self) -> Tensor:
        """Degrees in -90..90, [V]: how high the camera stands above the origin."""
        return torch.asin((self.position[:, 1] / self.radius).clamp(-1, 1)).rad2deg()

    @property
    def roll(self) -> Tensor:
        """Degrees in -180..180, [V], against the upright camera with the same viewing direction."""
        upright = pose_from_forward(self.forward, self.position)
        right = self.pose[:, :3, 0]
        return torch.atan2(-(right * upright[:, :3, 1]).sum(1), (right * upright[:, :3, 0]).sum(1)).rad2deg()

    @property
    def fov(self) -> Tensor:
        """Degrees from the picture's top to its bottom, [V]."""
        return 2 * torch.atan(0.5 / self.intrinsics[:, 1, 1]).rad2deg()


def _turn(pose: Tensor, roll: Tensor) -> Tensor:
    """Poses [V, 4, 4] turned by `roll` [V] radians about their viewing axes."""
    right, down = pose[:, :3, 0], pose[:, :3, 1]
    cos, sin = roll.cos()[:, None], roll.sin()[:, None]
    turned = pose.clone()
    turned[:, :3, 0], turned[:, :3, 1] = cos * right - sin * down, sin * right + cos * down
    return turned


def _broadcast(**values: Numbers) -> list[Tensor]:
    """Each value as float64 [V]."""
    tensors = {name: torch.as_tensor(value, dtype=torch.float64).cpu().reshape(-1) for name, value in values.items()}
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise InputError(f"The camera's {name} is {_show(tensor)}; give a finite number.")
    try:
        return list(torch.broadcast_tensors(*tensors.values()))
    except RuntimeError as error:
        counts = ", ".join(f"{len(tensor)} for {name}" for name, tensor in tensors.items())
        raise InputError(f"The camera settings have different counts ({counts}); give one number or one per "
                         f"view.") from error


def _check_range(name: str, values: Tensor, low: float, high: float, needed: str) -> None:
    bad = values[(values <= low) | (values >= high)]
    if len(bad):
        raise InputError(f"The camera's {name} is {_show(bad[:1])}; it must be {needed}.")


def _show(values: Tensor) -> str:
    return ", ".join(f"{value:g}" for value in values.tolist())
