"""Sizes of an EG3D generator and how it is rendered; frozen dataclasses that travel with the weights."""

import dataclasses

from ...cameras import PIVOT, RADIUS
from ...config import check_choice
from ...errors import InputError
from ...fields import check_range
from ..stylegan2.config import StyleGAN2Config
from .planes import PLANE_AXES

SR_KINDS = ("2X", "4X", "8X")
WHAT = "The EG3D generator"
LABEL_SIZE = 25


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
    avg_camera_radius: float = RADIUS
    avg_camera_pivot: tuple[float, float, float] = PIVOT

    def __post_init__(self):
        object.__setattr__(self, "avg_camera_pivot", tuple(float(v) for v in self.avg_camera_pivot))
        check_choice(f"{WHAT}'s plane_axes", self.plane_axes, PLANE_AXES)
        if (self.ray_start is None) != (self.ray_end is None):
            raise InputError("Only one of ray_start and ray_end is given; give both, or neither for the box's own.")
        check_range(self, WHAT, "ray_start ray_end box_warp avg_camera_radius", 1e-3, 1e4)
        if self.ray_start is not None and not self.ray_start < self.ray_end:
            raise InputError(f"The ray range is {self.ray_start} to {self.ray_end}; it must rise.")
        check_range(self, WHAT, "depth_resolution", 2, 1024)
        check_range(self, WHAT, "depth_resolution_importance", 0, 1024)
        check_range(self, WHAT, "c_scale", -1e4, 1e4)
        if len(self.avg_camera_pivot) != 3 or not all(-1e4 <= value <= 1e4 for value in self.avg_camera_pivot):
            raise InputError(f"{WHAT} has avg_camera_pivot {self.avg_camera_pivot}; it must be three numbers of at "
                             f"most 10000.")


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
        InputError: sizes that do not fit together, or a label that is no camera; the message names them.
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
        check_choice(f"{WHAT}'s sr_kind", self.sr_kind, SR_KINDS)
        if self.backbone.c_dim != LABEL_SIZE:
            raise InputError(f"{WHAT} is conditioned on labels of {self.backbone.c_dim} numbers (c_dim), but a camera "
                             f"has {LABEL_SIZE}; use a generator that was trained with camera labels alone.")
        check_range(self, WHAT, "img_resolution sr_input_resolution", 4, 4096)
        if self.img_resolution != self.sr_input_resolution * self.sr_factor:
            raise InputError(f"A {self.sr_kind} super-resolution makes {self.sr_input_resolution * self.sr_factor} px "
                             f"of {self.sr_input_resolution} px, but img_resolution is {self.img_resolution}.")
        if self.backbone.img_channels != 3 * self.feature_channels:
            raise InputError(f"The backbone makes {self.backbone.img_channels} channels; three planes of "
                             f"{self.feature_channels} need {3 * self.feature_channels}.")
        check_range(self, WHAT, "feature_channels", 3, 4096)    # the first three are the raw picture
        check_range(self, WHAT, "decoder_width", 1, 4096)
        check_range(self, WHAT, "neural_rendering_resolution", 4, 1024)
        check_range(self, WHAT, "sr_conv_clamp", 1e-3, 1e6)
        if len(self.sr_channels) != 2 or min(self.sr_channels) < 1:
            raise InputError(f"{WHAT} has sr_channels {self.sr_channels}; it must be two positive counts.")

    @property
    def sr_factor(self) -> int:
        """Picture side over super-resolution input side."""
        return 4 if self.sr_kind == "8X" else 2

    @property
    def img_channels(self) -> int:
        return 3

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
