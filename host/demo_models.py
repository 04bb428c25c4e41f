"""The demo models: a small diffusion model and ControlNet in the core's own types, and their names."""

from pathlib import Path

from ..ddgi.demo import files
from ..ddgi.demo.config import DiffusionConfig
from ..ddgi.files import load_tensors
from . import core_models, folders


def load_diffusion(folder: Path = folders.DEMO):
    """(MODEL, CLIP, VAE) of the demo diffusion file, all core classes.

    Raises:
        InputError: the file is missing or broken.
    """
    tensors, metadata = load_tensors(folder / files.DIFFUSION, format=files.DIFFUSION_FORMAT)
    config = DiffusionConfig(**metadata["config"])

    def part(name: str) -> dict:
        return {k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")}

    return (core_models.build_model(config, part("unet")),
            core_models.build_clip(config, folder / files.TOKENIZER, part("text")),
            core_models.build_vae(config, part("vae")))


def load_control_net(folder: Path = folders.DEMO):
    """CONTROL_NET of the demo ControlNet file (hints: coloured face mask, or black lines on white)."""
    tensors, metadata = load_tensors(folder / files.CONTROL_NET, format=files.CONTROL_NET_FORMAT)
    return core_models.load_control_net(DiffusionConfig(**metadata["config"]), tensors)
