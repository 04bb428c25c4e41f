"""A tiny generator with seeded random weights and lively noise."""

import pytest
import torch

from ddgi.gan import Generator, StyleGAN2Config
from ddgi.gan.stylegan2.network import StyleGAN2


def make_generator(seed=0, name="tiny", **changes):
    torch.manual_seed(seed)
    sizes = {"z_dim": 8, "w_dim": 8, "img_resolution": 16, "channel_base": 128, "channel_max": 8,
             "num_mapping_layers": 2}
    module = StyleGAN2(StyleGAN2Config(**(sizes | changes)))
    for key, value in module.named_parameters():
        if key.endswith("noise_strength"):
            torch.nn.init.constant_(value, 0.5)
    module.mapping.w_avg.normal_()
    return Generator.from_state_dict(module.state_dict(), name=name, conv_clamp=module.config.conv_clamp)


@pytest.fixture
def make():
    return make_generator


@pytest.fixture(scope="module")
def generator():
    return make_generator()


@pytest.fixture(scope="module")
def ws(generator):
    return generator.map(torch.randn(3, 8, generator=torch.Generator().manual_seed(1)))
