"""Sizes of a StyleGAN2 generator read off the shapes of its tensors."""

import re

import torch

from ..errors import InputError
from ..ops import fir_kernel
from .config import StyleGAN2Config

LAYER_NAME = re.compile(r"synthesis\.b(\d+)\.")


def _get(tensors: dict[str, torch.Tensor], key: str, ndim: int) -> torch.Tensor:
    value = tensors.get(key)
    if value is None:
        raise InputError(f"This is not a whole StyleGAN2 generator: the tensor {key!r} is missing; "
                         f"use a file that holds G or G_ema.")
    if value.ndim != ndim:
        raise InputError(f"The tensor {key!r} has {value.ndim} axes but a StyleGAN2 generator has {ndim} there; "
                         f"use an unmodified file.")
    return value


def _resolution(tensors: dict[str, torch.Tensor]) -> int:
    found = {int(match[1]) for key in tensors if (match := LAYER_NAME.match(key)) and len(match[1]) < 6}
    if any(key.startswith(("backbone.", "superresolution.")) for key in tensors):
        raise InputError("This is an EG3D generator; this version of the pack reads StyleGAN2 generators only.")
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
    channels = tuple(_get(tensors, f"synthesis.b{r}.conv1.weight", 4).shape[0] for r in resolutions)
    w_dim = _get(tensors, "synthesis.b4.conv1.affine.weight", 2).shape[1]
    c_dim = _get(tensors, "mapping.embed.weight", 2).shape[1] if "mapping.embed.weight" in tensors else 0
    num_layers = 0
    while f"mapping.fc{num_layers}.weight" in tensors:
        num_layers += 1
    fan_in = _get(tensors, "mapping.fc0.weight", 2).shape[1]
    base, top, explicit = _channel_rule(channels)
    if resolution == 4 or "synthesis.b4.torgb.weight" in tensors:
        architecture = "skip"
    else:
        architecture = "resnet" if "synthesis.b8.skip.weight" in tensors else "orig"
    return StyleGAN2Config(
        z_dim=fan_in - (w_dim if c_dim else 0), c_dim=c_dim, w_dim=w_dim, img_resolution=resolution,
        img_channels=_get(tensors, f"synthesis.b{resolution}.torgb.weight", 4).shape[0],
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
