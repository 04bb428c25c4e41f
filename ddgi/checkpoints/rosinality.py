"""rosinality's StyleGAN2 checkpoints and their relatives (NADA, pSp, e4e): key map and mean latent.

With j = log2(resolution) - 3, block b{resolution} holds convs.{2j}, convs.{2j+1} and to_rgbs.{j}.
"""

import re
from collections.abc import Container

import torch

from ..errors import InputError

# (pattern of rosinality's name, our name, shape rule). {r} is the resolution of the numbered part.
PLAIN = (
    (r"input\.input", "synthesis.b4.const", "first"),
    (r"style\.(\d+)\.(weight|bias)", "mapping.fc{previous}.{tail}", "same"),
    (r"noises\.noise_(\d+)", "synthesis.{noise_layer}.noise_const", "picture"),
)
PARTS = (("conv1", "b4.conv1"), (r"convs\.(\d+)", "{conv}"), ("to_rgb1", "b4.torgb"), (r"to_rgbs\.(\d+)", "{rgb}"))
TAILS = (
    ("conv.weight", "weight", "first"), ("conv.modulation.weight", "affine.weight", "same"),
    ("conv.modulation.bias", "affine.bias", "same"), ("activate.bias", "bias", "same"), ("bias", "bias", "flat"),
    ("noise.weight", "noise_strength", "scalar"), ("conv.blur.kernel", "resample_filter", "quarter"),
    ("upsample.kernel", "resample_filter", "quarter"),
)
SHAPE_RULES = {
    "same": lambda value: value, "first": lambda value: value[0], "flat": lambda value: value.reshape(-1),
    "scalar": lambda value: value.reshape(()), "picture": lambda value: value[0, 0], "quarter": lambda value: value / 4,
}
MARKER = "conv1.conv.weight"
DECODER = "decoder."


def is_rosinality(names: Container[str]) -> bool:
    """True if the names are rosinality's."""
    return MARKER in names


def _conv_name(number: int) -> str:
    return f"b{8 << (number // 2)}.conv{number % 2}"


def translate(name: str) -> tuple[str, str] | None:
    """Our name and the shape rule for one of rosinality's names; None if the name is unknown."""
    for pattern, target, rule in PLAIN:
        if match := re.fullmatch(pattern, name):
            number = int(match[1]) if match.groups() else 0
            tail = match[2] if len(match.groups()) > 1 else ""
            layer = "b4.conv1" if number == 0 else _conv_name(number - 1)
            return target.format(previous=number - 1, tail=tail, noise_layer=layer), rule
    for pattern, part in PARTS:
        for source, tail, rule in TAILS:
            if match := re.fullmatch(pattern + r"\." + re.escape(source), name):
                number = int(match[1]) if match.groups() else 0
                part = part.format(conv=_conv_name(number), rgb=f"b{8 << number}.torgb")
                return f"synthesis.{part}.{tail}", rule
    return None


def rename(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A whole rosinality state dict under our names and shapes; unknown names are refused."""
    renamed = {}
    for name, value in tensors.items():
        target = translate(name) if len(name) < 60 else None
        if target is None:
            raise InputError(f"it holds the unknown tensor {name[:60]!r}")
        try:
            renamed[target[0]] = SHAPE_RULES[target[1]](value)
        except (IndexError, RuntimeError) as error:
            raise InputError(f"its tensor {name!r} has the impossible shape {list(value.shape)}") from error
    return renamed


def mean_latent(average: torch.Tensor) -> torch.Tensor:
    """latent_avg [w_dim], [1, w_dim] or [num_ws, w_dim] as one vector."""
    average = average.float()
    return average if average.ndim == 1 else average.reshape(-1, average.shape[-1]).mean(dim=0)
