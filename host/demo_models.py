"""The demo models: a small diffusion model and ControlNet in the core's own types, and their names."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from ..ddgi.demo import files
from ..ddgi.demo.config import DiffusionConfig
from ..ddgi.errors import InputError, first_line
from ..ddgi.fields import from_json
from ..ddgi.native import check_tensors, described, load_tensors, skeleton
from . import core_models, folders

# What building a network of impossible sizes may raise, in core's code too.
_MISFITS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def load_diffusion(folder: Path = folders.DEMO):
    """(MODEL, CLIP, VAE) of the demo diffusion file, all core classes.

    Raises:
        InputError: the file is missing, broken, or does not hold the networks that its config describes.
    """
    path = folder / files.DIFFUSION
    tensors, config = _read(path, files.DIFFUSION_FORMAT)

    def part(name: str) -> dict:
        return {k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")}

    with _describing(path):
        _check(path, part("unet"), lambda: core_models.build_unet(config).diffusion_model)
        _check(path, part("vae"), lambda: core_models.build_autoencoder(config))
        _check(path, part("text"), lambda: core_models.build_text_network(config, device="meta"))
        return (core_models.build_model(config, part("unet")),
                core_models.build_clip(config, folder / files.TOKENIZER, part("text")),
                core_models.build_vae(config, part("vae")))


def load_control_net(folder: Path = folders.DEMO):
    """CONTROL_NET of the demo ControlNet file (hints: coloured face mask, or black lines on white).

    Raises:
        InputError: as `load_diffusion`.
    """
    path = folder / files.CONTROL_NET
    tensors, config = _read(path, files.CONTROL_NET_FORMAT)
    with _describing(path):
        _check(path, tensors, lambda: core_models.build_control_net(config))
        return core_models.load_control_net(config, tensors)


def _read(path: Path, format: str) -> tuple[dict[str, torch.Tensor], DiffusionConfig]:
    tensors, metadata = load_tensors(path, format=format)
    return tensors, from_json(DiffusionConfig, metadata["config"], f"The config of {path.name}")


def _check(path: Path, tensors: dict[str, torch.Tensor], build: Callable[[], nn.Module]) -> None:
    """Shapes first, so that a config cannot ask for more memory than the file has numbers."""
    check_tensors(described(tensors), skeleton(build), path.name)


@contextlib.contextmanager
def _describing(path: Path):
    try:
        yield
    except InputError:
        raise
    except _MISFITS as error:
        raise InputError(f"{path.name} does not hold the networks that its config describes ({first_line(error)}); "
                         f"download it again.") from error
