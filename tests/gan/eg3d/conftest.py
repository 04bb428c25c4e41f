"""The reference EG3D of golden, and a tiny one of our own with seeded random weights."""

import dataclasses

import pytest
import torch
from safetensors.torch import load_file

from ddgi.gan import EG3DConfig, EG3DGenerator, RenderingConfig, StyleGAN2Config
from ddgi.gan.eg3d.network import EG3D

GOLDEN = EG3DConfig(
    StyleGAN2Config(z_dim=64, c_dim=25, w_dim=64, img_resolution=32, img_channels=96, channel_base=1024,
                    channel_max=32, num_mapping_layers=2),
    img_resolution=64, neural_rendering_resolution=16, sr_kind="8X", sr_input_resolution=16, sr_channels=(16, 8),
    rendering=RenderingConfig(depth_resolution=8, depth_resolution_importance=8))
TINY = EG3DConfig(
    StyleGAN2Config(z_dim=8, c_dim=25, w_dim=8, img_resolution=8, img_channels=12, channel_base=64, channel_max=8,
                    num_mapping_layers=2),
    img_resolution=16, neural_rendering_resolution=8, feature_channels=4, decoder_width=8, sr_kind="2X",
    sr_input_resolution=8, sr_channels=(8, 4),
    rendering=RenderingConfig(depth_resolution=6, depth_resolution_importance=6))


@pytest.fixture(scope="session")
def tensors(golden):
    return load_file(golden / "eg3d_tiny.safetensors")


@pytest.fixture(scope="session")
def build(tensors):
    """The golden module with some rendering options changed."""
    weights = {key[3:]: value for key, value in tensors.items()
               if key.startswith("sd.") and not key.endswith("resample_filter")}

    def make(**options):
        module = EG3D(dataclasses.replace(GOLDEN, rendering=dataclasses.replace(GOLDEN.rendering, **options)))
        module.load_state_dict(weights)
        return module.eval().requires_grad_(False)
    return make


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    module = EG3D(TINY)
    module.decoder.net["2"].bias.data[0] = 4        # dense enough that rays are stopped
    return EG3DGenerator(TINY, module.eval().requires_grad_(False), name="tiny3d")


@pytest.fixture(scope="module")
def ws(generator):
    return generator.map(torch.randn(2, 8, generator=torch.Generator().manual_seed(1)))
