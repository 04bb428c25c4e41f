"""EG3D generators in NVIDIA's pickles: rendering options, clamps and plane axes, which tensors cannot tell."""

import torch

from ..errors import InputError
from ..gan.eg3d import RenderingConfig
from ..gan.eg3d.planes import PLANE_AXES
from .nvidia import activation_clamp, child, settings
from .records import Budget, Record, TensorRecord

CLASS_NAME = "TriPlaneGenerator"
PARTS = ("backbone", "decoder", "superresolution")
SR_CLASSES = {
    "SuperresolutionHybrid2X": "2X", "SuperresolutionHybrid4X": "4X", "SuperresolutionHybridDeepfp32": "4X",
    "SuperresolutionHybrid8X": "8X", "SuperresolutionHybrid8XDC": "8X",
}
# What the reference assumes where a file is silent.
FIRST_NEURAL_RESOLUTION = 64
SILENT_C_SCALE = 0
LARGEST = 1e9


def is_eg3d_network(network: Record) -> bool:
    """True for EG3D's generator class and for relatives that have its three parts."""
    return network.name == CLASS_NAME or all(child(network, part) is not None for part in PARTS)


def eg3d_options(network: Record, budget: Budget, plane_axes: str | None = None) -> dict:
    """Keyword arguments for `ddgi.gan.eg3d.infer.infer_config`.

    Args:
        network: the generator's record.
        budget: of the file; the plane axes are a tensor.
        plane_axes: overrides what the file says.

    Raises:
        InputError: a part is missing, or an option has an unknown or impossible value.
    """
    if missing := [part for part in PARTS if child(network, part) is None]:
        raise InputError(f"it is no whole EG3D generator (its part {missing[0]!r} is missing)")
    kwargs = rendering_kwargs(network)
    superresolution = child(network, "superresolution")
    return settings(child(network, "backbone")) | {
        "sr_kind": _sr_kind(superresolution),
        "sr_antialias": _flag(superresolution.state, "sr_antialias", _flag(kwargs, "sr_antialias", True)),
        "sr_conv_clamp": activation_clamp(child(superresolution, "block0", "conv1")),
        "neural_rendering_resolution": _count(network.state, "neural_rendering_resolution", FIRST_NEURAL_RESOLUTION),
        "rendering": _rendering(kwargs, plane_axes or _plane_axes(network, budget)),
    }


def rendering_kwargs(network: Record) -> dict:
    """The options that the network was trained with."""
    found = network.state.get("rendering_kwargs")
    if not isinstance(found, dict):
        raise InputError("it is no whole EG3D generator (its rendering options are missing)")
    return found


def decoder_gain(network: Record) -> float:
    """By what the decoder's stored weights are multiplied at use, apart from the usual scaling."""
    return _number(rendering_kwargs(network), "decoder_lr_mul", 1)


def trained_with_noise(network: Record) -> bool:
    """True if the super-resolution saw noise in training; it is rendered without."""
    return rendering_kwargs(network).get("superresolution_noise_mode", "none") != "none"


def _sr_kind(superresolution: Record) -> str:
    name = superresolution.name.rpartition(".")[2]
    if name not in SR_CLASSES:
        raise InputError(f"its super-resolution {name[:60]!r} is not known (known are {', '.join(SR_CLASSES)})")
    return SR_CLASSES[name]


def _rendering(kwargs: dict, plane_axes: str) -> RenderingConfig:
    if kwargs.get("clamp_mode", "softplus") != "softplus":
        raise InputError("its density is clamped by something else than softplus, which is not supported")
    default = RenderingConfig()
    automatic = [kwargs.get(name) == "auto" for name in ("ray_start", "ray_end")]
    ray_range = [None if is_auto else _number(kwargs, name)
                 for name, is_auto in zip(("ray_start", "ray_end"), automatic)]
    return RenderingConfig(
        *ray_range, depth_resolution=_count(kwargs, "depth_resolution"),
        depth_resolution_importance=_count(kwargs, "depth_resolution_importance"),
        disparity_space_sampling=_flag(kwargs, "disparity_space_sampling", False),
        box_warp=_number(kwargs, "box_warp"), plane_axes=plane_axes, white_back=_flag(kwargs, "white_back", False),
        c_scale=_number(kwargs, "c_scale", SILENT_C_SCALE),
        c_gen_conditioning_zero=_flag(kwargs, "c_gen_conditioning_zero", False),
        avg_camera_radius=_number(kwargs, "avg_camera_radius", default.avg_camera_radius),
        avg_camera_pivot=_pivot(kwargs, default.avg_camera_pivot))


def _number(options: dict, name: str, default: float | None = None) -> float:
    value = options.get(name, default)
    if type(value) not in (int, float) or not -LARGEST < value < LARGEST:       # NaN fails every comparison
        raise InputError(f"its rendering option {name!r} is missing or no usable number")
    return float(value)


def _count(options: dict, name: str, default: int | None = None) -> int:
    value = options.get(name, default)
    if type(value) is not int:
        raise InputError(f"its rendering option {name!r} is missing or no whole number")
    return value


def _flag(options: dict, name: str, default: bool) -> bool:
    value = options.get(name, default)
    if type(value) not in (bool, int):
        raise InputError(f"its rendering option {name!r} is neither true nor false")
    return bool(value)


def _pivot(options: dict, default: tuple[float, ...]) -> tuple[float, ...]:
    value = options.get("avg_camera_pivot", default)
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise InputError("its rendering option 'avg_camera_pivot' is no point of three numbers")
    return tuple(_number({"avg_camera_pivot": number}, "avg_camera_pivot") for number in value)


def _plane_axes(network: Record, budget: Budget) -> str:
    """The name of the plane order, from the axes [3, 3, 3] that the renderer keeps as a plain attribute.

    The reference projects with the inverse of each plane's matrix and reads the first two coordinates.
    """
    renderer = child(network, "renderer")
    value = None if renderer is None else renderer.state.get("plane_axes")
    if value is None:
        return RenderingConfig().plane_axes
    if not isinstance(value, TensorRecord) or value.size != (3, 3, 3):
        raise InputError("its plane axes are no three matrices of 3 x 3 numbers")
    axes = value.read(budget).double()
    readable = torch.isfinite(axes).all() and (torch.linalg.det(axes).abs() > 1e-6).all()
    inverse = torch.linalg.inv(axes)[:, :, :2] if readable else torch.zeros(3, 3, 2).double()
    for name, pairs in PLANE_AXES.items():
        known = torch.nn.functional.one_hot(torch.tensor(pairs), 3).transpose(1, 2)       # [plane, coordinate, 2]
        if torch.allclose(inverse, known.double(), atol=1e-6):
            return name
    raise InputError(f"its planes lie in an order that is not known; say which of {', '.join(PLANE_AXES)} they are "
                     f"in (plane_axes)")
