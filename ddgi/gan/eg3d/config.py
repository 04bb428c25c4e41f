"""Sizes of an EG3D generator and how it is rendered; frozen dataclasses that travel with the weights."""

import dataclasses
import math

from ...errors import InputError
from ..config import StyleGAN2Config
from .planes import PLANE_AXES

SR_KINDS = ("2X", "4X", "8X")
FRONTAL_PIVOT = (0.0, 0.0, 0.2)
MAX_COUNT = 1024


def _is_count(value: object, least: int) -> bool:
    return type(value) is int and least <= value <= MAX_COUNT


@dataclasses.dataclass(frozen=True)
class RenderingConfig:
    """How rays are sampled and what the tri-planes mean (Chan et al. 2022; defaults are FFHQ's).

    Raises:
        InputError: a value is impossible.
    """

    ray_start: float | None = 2.25          # None, with ray_end None: where each ray meets the box
    ray_end: float | None = 3.3
    depth_resolution: int = 48              # stratified samples a ray
    depth_resolution_importance: int = 48   # further samples where the first ones saw density; 0: none
    disparity_space_sampling: bool = False
    box_warp: float = 1.0                   # side of the cube that the planes cover
    plane_axes: str = "xy_xz_zx"
    white_back: bool = False
    c_scale: float = 1.0                    # of the camera label that the mapping network sees
    c_gen_conditioning_zero: bool = False   # the mapping network sees zeros instead
    avg_camera_radius: float = 2.7
    avg_camera_pivot: tuple[float, float, float] = FRONTAL_PIVOT

    def __post_init__(self):
        object.__setattr__(self, "avg_camera_pivot", tuple(float(v) for v in self.avg_camera_pivot))
        if self.plane_axes not in PLANE_AXES:
            raise InputError(f"The plane axes are {self.plane_axes!r}; they must be one of {', '.join(PLANE_AXES)}.")
        if (self.ray_start is None) != (self.ray_end is None):
            raise InputError("Only one of ray_start and ray_end is given; give both, or neither for the box's own.")
        if self.ray_start is not None and not 0 < self.ray_start < self.ray_end < math.inf:
            raise InputError(f"The ray range is {self.ray_start} to {self.ray_end}; it must rise from above 0.")
        if not _is_count(self.depth_resolution, 2) or not _is_count(self.depth_resolution_importance, 0):
            raise InputError(f"{self.depth_resolution} + {self.depth_resolution_importance} samples a ray were given; "
                             f"use 2 to 1024 and 0 to 1024.")
        if not 0 < self.box_warp < math.inf or not 0 < self.avg_camera_radius < math.inf:
            raise InputError(f"box_warp is {self.box_warp} and avg_camera_radius {self.avg_camera_radius}; both must "
                             f"be positive.")
        if len(self.avg_camera_pivot) != 3 or not all(map(math.isfinite, (self.c_scale, *self.avg_camera_pivot))):
            raise InputError(f"c_scale is {self.c_scale} and avg_camera_pivot {self.avg_camera_pivot}; they must be a "
                             f"finite number and three.")


@dataclasses.dataclass(frozen=True)
class EG3DConfig:
    """Everything needed to build and render an EG3D generator.

    Attributes:
        backbone: the StyleGAN2 that makes the planes; its img_channels are 3 x feature_channels.
        img_resolution: of the finished picture.
        neural_rendering_resolution: rays per side of a picture.
        sr_kind: "2X", "4X" (the first block keeps the size) or "8X" (both blocks double it).
        sr_input_resolution: the size that feature images are brought to before super-resolution.
        sr_channels: of the two super-resolution blocks.

    Raises:
        InputError: sizes that do not fit together; the message names them.
    """

    backbone: StyleGAN2Config
    img_resolution: int = 512
    neural_rendering_resolution: int = 128
    feature_channels: int = 32
    decoder_width: int = 64
    sr_kind: str = "8X"
    sr_input_resolution: int = 128
    sr_channels: tuple[int, int] = (256, 128)
    sr_antialias: bool = True
    sr_conv_clamp: float | None = None
    rendering: RenderingConfig = RenderingConfig()

    def __post_init__(self):
        object.__setattr__(self, "sr_channels", tuple(int(v) for v in self.sr_channels))
        if self.sr_kind not in SR_KINDS:
            raise InputError(f"The super-resolution is {self.sr_kind!r}; it must be one of {', '.join(SR_KINDS)}.")
        if self.img_resolution != self.sr_input_resolution * self.sr_factor:
            raise InputError(f"A {self.sr_kind} super-resolution makes {self.sr_input_resolution * self.sr_factor} px "
                             f"of {self.sr_input_resolution} px, but img_resolution is {self.img_resolution}.")
        if self.backbone.img_channels != 3 * self.feature_channels:
            raise InputError(f"The backbone makes {self.backbone.img_channels} channels; three planes of "
                             f"{self.feature_channels} need {3 * self.feature_channels}.")
        if not _is_count(self.neural_rendering_resolution, 4):
            raise InputError(f"neural_rendering_resolution is {self.neural_rendering_resolution}; use 4 to 1024.")
        if self.sr_conv_clamp is not None and not 0 < self.sr_conv_clamp < math.inf:
            raise InputError(f"sr_conv_clamp is {self.sr_conv_clamp}; it must be positive, or None.")

    @property
    def sr_factor(self) -> int:
        """Picture side over super-resolution input side."""
        return 4 if self.sr_kind == "8X" else 2

    @property
    def z_dim(self) -> int:
        return self.backbone.z_dim

    @property
    def c_dim(self) -> int:
        return self.backbone.c_dim

    @property
    def w_dim(self) -> int:
        return self.backbone.w_dim

    @property
    def num_ws(self) -> int:
        """How many w vectors a head needs: those of the backbone; super-resolution shares the last."""
        return self.backbone.num_ws

    def to_json(self) -> dict:
        """Plain dict for the file's metadata."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict) -> "EG3DConfig":
        """The config back from `to_json`; unknown keys are refused."""
        values = dict(values)
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - known):
            raise InputError(f"The generator file has unknown settings {', '.join(unknown)}; it needs a newer pack.")
        try:
            values["backbone"] = StyleGAN2Config.from_json(values["backbone"])
            values["rendering"] = RenderingConfig(**values.get("rendering", {}))
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise InputError(f"The generator file's settings are incomplete ({error}); export it again.") from error
