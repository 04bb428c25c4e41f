"""Gradients against finite differences, and gradients of gradients (needed by the R1 penalty)."""

import pytest
import torch

from ddgi.ops import blur, conv_down, downsample, modulated_rgb, upsample
from ddgi.ops import modulated as modulated_module


def double(*shape, seed):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=rng, dtype=torch.float64, requires_grad=True)


@pytest.fixture
def modulated_conv(monkeypatch):
    """The operation with its fp32 casts turned off, because finite differences need fp64."""
    monkeypatch.setattr(torch.Tensor, "float", lambda tensor: tensor)
    return modulated_module.modulated_conv


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("demodulate", [False, True])
def test_modulated_conv_gradients(modulated_conv, up, demodulate):
    inputs = double(2, 3, 3, 3, seed=0), double(2, 3, 3, 3, seed=1), double(2, 3, seed=2)
    def call(x, weight, styles):
        return modulated_conv(x, weight, styles, demodulate=demodulate, up=up, gain=1.3)
    assert torch.autograd.gradcheck(call, inputs)
    assert torch.autograd.gradgradcheck(call, inputs)


def test_rgb_gradients(modulated_conv):
    inputs = double(2, 3, 2, 2, seed=0), double(2, 3, 1, 1, seed=1), double(2, 3, seed=2)
    assert torch.autograd.gradcheck(modulated_rgb, inputs)


@pytest.mark.parametrize("operation", [upsample, downsample, lambda x: blur(x, 1, 4.0), lambda x: blur(x, 2)])
def test_filter_gradients(operation):
    assert torch.autograd.gradcheck(operation, (double(1, 2, 4, 4, seed=3),))
    assert torch.autograd.gradgradcheck(operation, (double(1, 2, 4, 4, seed=3),))


def test_down_convolution_gradients():
    assert torch.autograd.gradgradcheck(conv_down, (double(1, 2, 4, 4, seed=4), double(2, 2, 3, 3, seed=5)))
