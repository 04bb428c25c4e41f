"""Sizes of a StyleGAN2 generator read off the shapes of its tensors."""

import re
from collections.abc import Iterable

import torch

from ...errors import InputError
from ...ops import fir_kernel
from ...seeds import seeded
from ..tensors import Tensors, get_tensor, mapping_sizes
from .config import StyleGAN2Config

LAYER_NAME = re.compile(r"synthesis\.b(\d{1,5})\.")
NOISY_LAYER = re.compile(r"((?:backbone\.)?synthesis\.b(\d{1,5})\.(conv[01]))\.weight")
NOISE_SEED = 0
MAX_RESOLUTION = 1024
LABEL = "StyleGAN2"


def owns(names: Iterable[str]) -> bool:
    """True if these are tensor names of a StyleGAN2 generator."""
    return any(LAYER_NAME.match(name) for name in names)


def infer_config(tensors: Tensors, *, conv_clamp: float | None = None, num_fp16_res: int = 0) -> StyleGAN2Config:
    """The config that fits a state dict under the public names (`mapping.*`, `synthesis.*`).

    Args:
        tensors: their shapes alone are read.
        conv_clamp, num_fp16_res: leave no trace in the tensors (256 and 4 for most public files).

    Raises:
        InputError: a tensor is missing or the sizes are impossible.
    """
    resolution = max((int(match[1]) for key in tensors if (match := LAYER_NAME.match(key))), default=0)
    if not resolution:
        raise InputError("These tensors are no StyleGAN2 generator (no 'synthesis.b4...' names); use another file.")
    if resolution < 4 or resolution > MAX_RESOLUTION or resolution & (resolution - 1):
        raise InputError(f"The generator has a block of {resolution} px; sizes must be powers of two from 4 to 1024.")
    _check_square(tensors)
    resolutions = [2 ** power for power in range(2, resolution.bit_length())]
    channels = tuple(get_tensor(tensors, f"synthesis.b{r}.conv1.weight", 4, LABEL).shape[0] for r in resolutions)
    w_dim = get_tensor(tensors, "synthesis.b4.conv1.affine.weight", 2, LABEL).shape[1]
    base, top, explicit = _channel_rule(channels)
    if resolution == 4 or "synthesis.b4.torgb.weight" in tensors:
        architecture = "skip"
    else:
        architecture = "resnet" if "synthesis.b8.skip.weight" in tensors else "orig"
    return StyleGAN2Config(
        **mapping_sizes(tensors, w_dim, LABEL), img_resolution=resolution,
        img_channels=get_tensor(tensors, f"synthesis.b{resolution}.torgb.weight", 4, LABEL).shape[0],
        channel_base=base, channel_max=top, architecture=architecture, conv_clamp=conv_clamp,
        num_fp16_res=num_fp16_res, channels=explicit)


def _check_square(tensors: Tensors) -> None:
    const = get_tensor(tensors, "synthesis.b4.const", 3, LABEL)
    height, width = const.shape[1:]
    if height != width:
        raise InputError(f"This generator makes pictures that are not square (its first block is {width} x {height}); "
                         f"only square generators are supported.")


def _channel_rule(channels: tuple[int, ...]) -> tuple[int, int, tuple[int, ...] | None]:
    """(channel_base, channel_max, explicit list or None): the usual rule if it reproduces the counts."""
    resolutions = [4 * 2 ** index for index in range(len(channels))]
    base, top = channels[-1] * resolutions[-1], max(channels)
    for guess in (32768, 16384, base):
        if all(min(guess // r, top) == c for r, c in zip(resolutions, channels)):
            return guess, top, None
    return base, top, channels


def with_noise(tensors: Tensors) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors with noise pictures for every layer, and a note for the provenance where they had to be made.

    Some trainings save none; a generator that was trained without noise has no strengths either, and gets 0.
    """
    tensors, rng, made = dict(tensors), seeded(NOISE_SEED), 0
    layers = sorted((int(match[2]), match[3], match[1]) for key in tensors if (match := NOISY_LAYER.fullmatch(key)))
    for resolution, _, layer in layers:
        if f"{layer}.noise_const" not in tensors and resolution <= MAX_RESOLUTION:
            tensors[f"{layer}.noise_const"] = torch.randn(resolution, resolution, generator=rng)
            tensors.setdefault(f"{layer}.noise_strength", torch.zeros([]))
            made += 1
    return tensors, {"noise_const": f"{made} pictures drawn with seed {NOISE_SEED}; the file has none"} if made else {}


def drop_filters(tensors: Tensors) -> dict[str, torch.Tensor]:
    """Without the constant `resample_filter` buffers, after checking that they are the [1, 3, 3, 1] filter."""
    kept, expected = {}, fir_kernel()
    for key, value in tensors.items():
        if not key.endswith("resample_filter"):
            kept[key] = value
        elif value.shape != expected.shape or not torch.allclose(value.float().cpu(), expected, atol=1e-4):
            raise InputError(f"The generator resamples with another filter ({key}); only the [1, 3, 3, 1] filter of "
                             f"StyleGAN2 is supported.")
    return kept
