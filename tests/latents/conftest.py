"""Tiny generators with random weights whose w vectors do differ."""

import pytest
import torch

from ddgi.gan import EG3DConfig, EG3DGenerator, Generator, StyleGAN2Config, StyleGAN2Generator

TINY = StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=64, channel_base=512, channel_max=8, num_mapping_layers=2)
TINY_3D = EG3DConfig(
    StyleGAN2Config(z_dim=8, c_dim=25, w_dim=8, img_resolution=16, img_channels=12, channel_base=128, channel_max=8,
                    num_mapping_layers=2),
    img_resolution=16, neural_rendering_resolution=8, feature_channels=4, decoder_width=8, sr_kind="2X",
    sr_input_resolution=8, sr_channels=(8, 8))


def make_generator(seed: int = 0, name: str = "tiny", config=TINY, **provenance) -> Generator:
    family = EG3DGenerator if config is TINY_3D else StyleGAN2Generator
    generator = family.untrained(config, seed=seed, name=name)
    generator.w_avg.copy_(torch.randn(8, generator=torch.Generator().manual_seed(seed)))
    generator.provenance.update(provenance)
    return generator


@pytest.fixture
def make():
    return make_generator


@pytest.fixture(scope="module")
def generator():
    return make_generator()


@pytest.fixture(scope="module")
def generator_3d():
    return make_generator(config=TINY_3D, name="tiny3d")


@pytest.fixture(scope="module")
def faces(generator):
    """Five faces [5, 10, 8] whose layers all differ."""
    rng = torch.Generator().manual_seed(3)
    return generator.latent(torch.randn(5, 10, 8, generator=rng))
