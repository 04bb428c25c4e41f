"""Shapes, labels, group statistics and double differentiability of the discriminator."""

import pytest
import torch

from ddgi.errors import InputError
from ddgi.gan import StyleGAN2Config
from ddgi.gan.stylegan2.discriminator import Discriminator, minibatch_std

CONFIG = {"img_resolution": 16, "channel_base": 128, "channel_max": 8}


@pytest.mark.parametrize("c_dim, batch", [(0, 1), (0, 6), (3, 4)])
def test_one_logit_per_picture(c_dim, batch):
    network = Discriminator(StyleGAN2Config(c_dim=c_dim, **CONFIG), num_mapping_layers=1)
    c = torch.randn(batch, c_dim) if c_dim else None
    assert network(torch.randn(batch, 3, 16, 16), c).shape == (batch, 1)


def test_minibatch_std_of_known_values():
    x = torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1).expand(2, 2, 2, 2)
    y = minibatch_std(x)
    assert y.shape == (2, 3, 2, 2)
    assert torch.allclose(y[:, 2], torch.ones(2, 2, 2), atol=1e-6)


def test_r1_penalty_reaches_every_weight():
    torch.manual_seed(0)
    network = Discriminator(StyleGAN2Config(**CONFIG))
    image = torch.randn(4, 3, 16, 16, requires_grad=True)
    score = network(image).sum()
    gradient, = torch.autograd.grad(score, image, create_graph=True)
    gradient.square().sum().backward()
    for name, parameter in network.named_parameters():
        if name.endswith("weight"):
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_wrong_size_and_missing_label_are_explained():
    with pytest.raises(InputError, match="resize"):
        Discriminator(StyleGAN2Config(**CONFIG))(torch.zeros(1, 3, 8, 8))
    with pytest.raises(InputError, match="label"):
        Discriminator(StyleGAN2Config(c_dim=3, **CONFIG))(torch.zeros(1, 3, 16, 16))
