"""Generators of full size with random weights, the same at every call."""

from collections.abc import Callable

import torch

from ..gan import EG3D, EG3DConfig, EG3DGenerator, Generator, StyleGAN2, StyleGAN2Config

EG3D_CONFIGS = {
    # The sizes of NVIDIA's FFHQ-512 file, 30.7 M parameters.
    "ffhq": EG3DConfig(StyleGAN2Config(c_dim=25, img_resolution=256, img_channels=96, num_mapping_layers=2)),
    "small": EG3DConfig(
        StyleGAN2Config(z_dim=64, c_dim=25, w_dim=128, img_resolution=64, img_channels=48, channel_base=2048,
                        channel_max=128, num_mapping_layers=2),
        img_resolution=64, neural_rendering_resolution=32, feature_channels=16, decoder_width=32, sr_kind="2X",
        sr_input_resolution=32, sr_channels=(64, 32)),
}


def random_eg3d(config: EG3DConfig, device: torch.device) -> EG3DGenerator:
    """An untrained EG3D."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = EG3D(config)
    return EG3DGenerator(config, module.eval().requires_grad_(False).to(device), name="random weights")


def random_stylegan2(config: StyleGAN2Config, device: torch.device) -> Generator:
    """An untrained StyleGAN2; the default config has the sizes of FFHQ-1024, 30.4 M parameters."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = StyleGAN2(config)
    return Generator(config, module.eval().requires_grad_(False).to(device), name="random weights")


GENERATORS: dict[str, Callable[[torch.device], Generator]] = {
    "stylegan2": lambda device: random_stylegan2(StyleGAN2Config(), device),
    "eg3d": lambda device: random_eg3d(EG3D_CONFIGS["ffhq"], device)}
