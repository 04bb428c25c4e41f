"""Sizes of a StyleGAN2 generator read off the shapes of its tensors."""

import re

import torch

from ..errors import InputError
from ..ops import fir_kernel
from .config import StyleGAN2Config

LAYER_NAME = re.compile(r"synthesis\.b(\d+)\.")


def get_tensor(tensors: dict[str, torch.Tensor], key: str, ndim: int, kind: str = "a whole StyleGAN2") -> torch.Tensor:
    """A tensor that the generator cannot do without, its number of axes checked."""
    value = tensors.get(key)
    if value is None:
        raise InputError(f"This is not {kind} generator: the tensor {key!r} is missing; "
                         f"use a file that holds G or G_ema.")
    if value.ndim != ndim:
        raise InputError(f"The tensor {key!r} has {value.ndim} axes but {kind} generator has {ndim} there; "
                         f"use an unmodified file.")
    return value


def _resolution(tensors: dict[str, torch.Tensor]) -> int:
    found = {int(match[1]) for key in tensors if (match := LAYER_NAME.match(key)) and len(match[1]) < 6}
    if any(key.startswith(("backbone.", "superresolution.")) for key in tensors):
        raise InputError("These are the tensors of an EG3D generator; build it as an EG3DGenerator.")
    if not found:
        raise InputError("These tensors are no StyleGAN2 generator (no 'synthesis.b4...' names); use another file.")
    return max(found)


def _channel_rule(channels: tuple[int, ...]) -> tuple[int, int, tuple[int, ...] | None]:
    """(channel_base, channel_max, explicit list or None): the usual rule if it reproduces the counts."""
    resolutions = [4 * 2 ** index for index in range(len(channels))]
    base, top = channels[-1] * resolutions[-1], max(channels)
    for guess in (32768, 16384, base):
        if all(min(guess // r, top) == c for r, c in zip(resolutions, channels)):
            return guess, top, None
    return base, top, channels


def infer_config(tensors: dict[str, torch.Tensor], *, conv_clamp: float | None = None,
                 num_fp16_res: int = 0) -> StyleGAN2Config:
    """The config that fits a state dict under the public names (`mapping.*`, `synthesis.*`).

    Activation clamp and fp16 training leave no trace in the tensors and come as arguments.

    Raises:
        InputError: a tensor is missing or the sizes are impossible.
    """
    resolution = _resolution(tensors)
    if resolution < 4 or resolution > 1024 or resolution & (resolution - 1):
        raise InputError(f"The generator has a block of {resolution} px; sizes must be powers of two from 4 to 1024.")
    resolutions = [2 ** power for power in range(2, resolution.bit_length())]
    channels = tuple(get_tensor(tensors, f"synthesis.b{r}.conv1.weight", 4).shape[0] for r in resolutions)
    w_dim = get_tensor(tensors, "synthesis.b4.conv1.affine.weight", 2).shape[1]
    c_dim = get_tensor(tensors, "mapping.embed.weight", 2).shape[1] if "mapping.embed.weight" in tensors else 0
    num_layers = 0
    while f"mapping.fc{num_layers}.weight" in tensors:
        num_layers += 1
    fan_in = get_tensor(tensors, "mapping.fc0.weight", 2).shape[1]
    base, top, explicit = _channel_rule(channels)
    if resolution == 4 or "synthesis.b4.torgb.weight" in tensors:
        architecture = "skip"
    else:
        architecture = "resnet" if "synthesis.b8.skip.weight" in tensors else "orig"
    return StyleGAN2Config(
        z_dim=fan_in - (w_dim if c_dim else 0), c_dim=c_dim, w_dim=w_dim, img_resolution=resolution,
        img_channels=get_tensor(tensors, f"synthesis.b{resolution}.torgb.weight", 4).shape[0],
        channel_base=base, channel_max=top, num_mapping_layers=num_layers, architecture=architecture,
        conv_clamp=conv_clamp, num_fp16_res=num_fp16_res, channels=explicit)


def drop_filters(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Without the constant `resample_filter` buffers, after checking that they are the [1, 3, 3, 1] filter."""
    kept, expected = {}, fir_kernel()
    for key, value in tensors.items():
        if not key.endswith("resample_filter"):
            kept[key] = value
        elif value.shape != expected.shape or not torch.allclose(value.float().cpu(), expected, atol=1e-4):
            raise InputError(f"The generator resamples with another filter ({key}); only the [1, 3, 3, 1] filter of "
                             f"StyleGAN2 is supported.")
    return kept


def expected_shapes(config: StyleGAN2Config) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of the generator, without building it.

    A file may claim sizes whose products are far larger than the file; comparing shapes first keeps the
    memory bounded by what the file really holds.
    """
    shapes = {"mapping.w_avg": (config.w_dim,)}
    features = config.z_dim
    if config.c_dim:
        shapes |= linear_shapes("mapping.embed", config.c_dim, config.w_dim)
        features += config.w_dim
    for index in range(config.num_mapping_layers):
        shapes |= linear_shapes(f"mapping.fc{index}", features, config.w_dim)
        features = config.w_dim
    for resolution in config.block_resolutions:
        shapes |= _block_shapes(config, resolution)
    return shapes


def linear_shapes(name: str, fan_in: int, fan_out: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of the tensors of a linear layer."""
    return {f"{name}.weight": (fan_out, fan_in), f"{name}.bias": (fan_out,)}


def conv_shapes(name: str, w_dim: int, fan_in: int, out: int, resolution: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of the tensors of a synthesis layer."""
    return linear_shapes(f"{name}.affine", w_dim, fan_in) | {
        f"{name}.weight": (out, fan_in, 3, 3), f"{name}.bias": (out,),
        f"{name}.noise_const": (resolution, resolution), f"{name}.noise_strength": ()}


def rgb_shapes(name: str, w_dim: int, fan_in: int, img_channels: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of the tensors of a picture branch."""
    return linear_shapes(f"{name}.affine", w_dim, fan_in) | {
        f"{name}.weight": (img_channels, fan_in, 1, 1), f"{name}.bias": (img_channels,)}


def _block_shapes(config: StyleGAN2Config, resolution: int) -> dict[str, tuple[int, ...]]:
    name, out = f"synthesis.b{resolution}", config.channels_at(resolution)
    layers, shapes = [("conv1", out)], {}
    if resolution == 4:
        shapes[f"{name}.const"] = (out, 4, 4)
    else:
        fan_in = config.channels_at(resolution // 2)
        layers.append(("conv0", fan_in))
        if config.architecture == "resnet":
            shapes[f"{name}.skip.weight"] = (out, fan_in, 1, 1)
    for layer, fan_in in layers:
        shapes |= conv_shapes(f"{name}.{layer}", config.w_dim, fan_in, out, resolution)
    if config.architecture == "skip" or resolution == config.img_resolution:
        shapes |= rgb_shapes(f"{name}.torgb", config.w_dim, out, config.img_channels)
    return shapes


def check_tensors(tensors: dict[str, torch.Tensor], config: StyleGAN2Config) -> None:
    """Refuse tensors that are not exactly those of the config's generator, or not finite."""
    check_shapes(tensors, expected_shapes(config))


def check_shapes(tensors: dict[str, torch.Tensor], expected: dict[str, tuple[int, ...]]) -> None:
    """Refuse missing, extra, misshapen or non-finite tensors; the message names the first."""
    found = {key: tuple(value.shape) for key, value in tensors.items()}
    if wrong := sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)):
        raise InputError(f"The tensor {wrong[0]!r} has shape {found.get(wrong[0], 'missing')} but this generator "
                         f"needs {expected.get(wrong[0], 'no such tensor')} ({len(wrong)} such tensors); "
                         f"use an unmodified file.")
    for key, value in tensors.items():
        if not torch.isfinite(value).all():
            raise InputError(f"The tensor {key!r} holds values that are not finite; download or export the file again.")
