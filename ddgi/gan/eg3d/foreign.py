"""Settings of EG3D generators in NVIDIA's pickles: rendering options, clamps and plane axes.

Tensors cannot tell them. Names and defaults are those of the public reference.
"""

from collections.abc import Mapping

import torch

from ...errors import InputError
from ..foreign import ForeignModule, activation_clamp, count, flag, number
from ..stylegan2.foreign import settings_of
from .config import RenderingConfig
from .planes import PLANE_AXES

PARTS = ("backbone", "decoder", "superresolution")
SR_CLASSES = {
    "SuperresolutionHybrid2X": "2X", "SuperresolutionHybrid4X": "4X", "SuperresolutionHybridDeepfp32": "4X",
    "SuperresolutionHybrid8X": "8X", "SuperresolutionHybrid8XDC": "8X",
}
# What the reference assumes where a file is silent.
FIRST_NEURAL_RESOLUTION = 64
SILENT_C_SCALE = 0


def eg3d_options(network: ForeignModule, plane_axes: str | None = None) -> dict:
    """Keyword arguments for `infer_config`.

    Args:
        network: the file's generator.
        plane_axes: overrides what the file says.

    Raises:
        InputError: a part is missing, it is a fork of another kind, or an option has an impossible value.
    """
    if missing := [part for part in PARTS if network.child(part) is None]:
        raise InputError(f"it is no whole EG3D generator (its part {missing[0]!r} is missing)")
    kwargs = rendering_kwargs(network)
    _refuse_panohead(network, kwargs)
    superresolution = network.child("superresolution")
    return settings_of(network.child("backbone")) | {
        "sr_kind": _sr_kind(superresolution),
        "sr_antialias": flag(superresolution.values, "sr_antialias", flag(kwargs, "sr_antialias", True)),
        "sr_conv_clamp": activation_clamp(superresolution.child("block0", "conv1")),
        "neural_rendering_resolution": count(network.values, "neural_rendering_resolution", FIRST_NEURAL_RESOLUTION),
        "rendering": _rendering(kwargs, plane_axes or _plane_axes(network)),
    }


def rendering_kwargs(network: ForeignModule) -> dict:
    """The options that the network was trained with."""
    found = network.values.get("rendering_kwargs")
    if not isinstance(found, dict):
        raise InputError("it is no whole EG3D generator (its rendering options are missing)")
    return found


def decoder_gain(network: ForeignModule) -> float:
    """By what the decoder's stored weights are multiplied at use, apart from the usual scaling."""
    return number(rendering_kwargs(network), "decoder_lr_mul", 1)


def trained_with_noise(network: ForeignModule) -> bool:
    """True if the super-resolution saw noise in training; it is rendered without."""
    return rendering_kwargs(network).get("superresolution_noise_mode", "none") != "none"


def _refuse_panohead(network: ForeignModule, kwargs: dict) -> None:
    depth = count(kwargs, "triplane_depth", 1)
    if depth != 1 or network.child("t_mapping") is not None:
        raise InputError(f"it is a PanoHead generator (a fork of EG3D with planes {depth} layers deep), which is not "
                         f"supported")


def _sr_kind(superresolution: ForeignModule) -> str:
    name = superresolution.name.rpartition(".")[2]
    if name not in SR_CLASSES:
        raise InputError(f"its super-resolution {name[:60]!r} is not known (known are {', '.join(SR_CLASSES)})")
    return SR_CLASSES[name]


def _rendering(kwargs: Mapping[str, object], plane_axes: str) -> RenderingConfig:
    if kwargs.get("clamp_mode", "softplus") != "softplus":
        raise InputError("its density is clamped by something else than softplus, which is not supported")
    default = RenderingConfig()
    automatic = [kwargs.get(name) == "auto" for name in ("ray_start", "ray_end")]
    ray_range = [None if is_auto else number(kwargs, name)
                 for name, is_auto in zip(("ray_start", "ray_end"), automatic)]
    return RenderingConfig(
        *ray_range, depth_resolution=count(kwargs, "depth_resolution"),
        depth_resolution_importance=count(kwargs, "depth_resolution_importance"),
        disparity_space_sampling=flag(kwargs, "disparity_space_sampling", False),
        box_warp=number(kwargs, "box_warp"), plane_axes=plane_axes, white_back=flag(kwargs, "white_back", False),
        c_scale=number(kwargs, "c_scale", SILENT_C_SCALE),
        c_gen_conditioning_zero=flag(kwargs, "c_gen_conditioning_zero", False),
        avg_camera_radius=number(kwargs, "avg_camera_radius", default.avg_camera_radius),
        avg_camera_pivot=_pivot(kwargs, default.avg_camera_pivot))


def _pivot(kwargs: Mapping[str, object], default: tuple[float, ...]) -> tuple[float, ...]:
    value = kwargs.get("avg_camera_pivot", default)
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise InputError("its option 'avg_camera_pivot' is no point of three numbers")
    return tuple(number({"avg_camera_pivot": part}, "avg_camera_pivot") for part in value)


def _plane_axes(network: ForeignModule) -> str:
    """The name of the plane order, from the axes [3, 3, 3] that the renderer keeps as a plain attribute.

    The reference projects with the inverse of each plane's matrix and reads the first two coordinates.
    """
    renderer = network.child("renderer")
    value = None if renderer is None else renderer.values.get("plane_axes")
    if value is None:
        return RenderingConfig().plane_axes
    if not isinstance(value, torch.Tensor) or value.shape != (3, 3, 3):
        raise InputError("its plane axes are no three matrices of 3 x 3 numbers")
    axes = value.double()
    readable = torch.isfinite(axes).all() and (torch.linalg.det(axes).abs() > 1e-6).all()
    inverse = torch.linalg.inv(axes)[:, :, :2] if readable else torch.zeros(3, 3, 2).double()
    for name, pairs in PLANE_AXES.items():
        known = torch.nn.functional.one_hot(torch.tensor(pairs), 3).transpose(1, 2)       # [plane, coordinate, 2]
        if torch.allclose(inverse, known.double(), atol=1e-6):
            return name
    raise InputError(f"Its planes lie in an order that is not known; set plane_axes (--plane-axes of convert) to one "
                     f"of {', '.join(PLANE_AXES)}, the one that shows whole heads.")
