"""Checks of a generator's tensors that cost no more memory than the tensors themselves."""

from collections.abc import Callable, Mapping

import torch
from torch import nn

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


def shapes_of(build: Callable[[], nn.Module]) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of a network, built without memory for them (on torch's meta device)."""
    with torch.device("meta"):
        return {name: tuple(value.shape) for name, value in build().state_dict().items()}


def check_tensors(tensors: Tensors, expected: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse missing, extra, misshapen or non-finite tensors; the message names the first.

    A config may claim sizes whose products are far larger than the file; comparing shapes before anything is built
    keeps the memory bounded by what the file really holds.
    """
    found = {key: tuple(value.shape) for key, value in tensors.items()}
    if wrong := sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)):
        raise InputError(f"The tensor {wrong[0]!r} has shape {found.get(wrong[0], 'missing')} but this generator "
                         f"needs {expected.get(wrong[0], 'no such tensor')} ({len(wrong)} such tensors); "
                         f"use an unmodified file.")
    for key, value in tensors.items():
        if not value.is_floating_point() or not torch.isfinite(value).all():
            raise InputError(f"The tensor {key!r} holds values that are no finite numbers; download or export the "
                             f"file again.")
