"""Sizes read off the shapes of a generator's tensors."""

from collections.abc import Mapping

import torch

from ..errors import InputError

Tensors = Mapping[str, torch.Tensor]


def get_tensor(tensors: Tensors, key: str, ndim: int, label: str) -> torch.Tensor:
    """A tensor that a generator of this family cannot do without, its number of axes checked."""
    value = tensors.get(key)
    if value is None:
        raise InputError(f"This is not a whole {label} generator: the tensor {key!r} is missing; "
                         f"use a file that holds G or G_ema.")
    if value.ndim != ndim:
        raise InputError(f"The tensor {key!r} has {value.ndim} axes but a {label} generator has {ndim} there; "
                         f"use an unmodified file.")
    return value


def count_layers(tensors: Tensors) -> int:
    """Layers of the mapping network: mapping.fc0, fc1, ... without a gap."""
    layers = 0
    while f"mapping.fc{layers}.weight" in tensors:
        layers += 1
    return layers


def mapping_sizes(tensors: Tensors, w_dim: int, label: str) -> dict[str, int]:
    """Sizes of the mapping network: {"z_dim", "c_dim", "w_dim", "num_mapping_layers"}."""
    c_dim = get_tensor(tensors, "mapping.embed.weight", 2, label).shape[1] if "mapping.embed.weight" in tensors else 0
    fan_in = get_tensor(tensors, "mapping.fc0.weight", 2, label).shape[1]
    return {"z_dim": fan_in - (w_dim if c_dim else 0), "c_dim": c_dim, "w_dim": w_dim,
            "num_mapping_layers": count_layers(tensors)}
