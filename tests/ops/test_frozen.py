"""The layer of frozen weights against the operations that it stands for."""

import pytest
import torch

from ddgi.gan import StyleGAN2Config
from ddgi.gan.stylegan2.layers import SynthesisLayer
from ddgi.gan.stylegan2.network import StyleGAN2
from ddgi.ops import frozen_layer

from .test_ops_gradients import double


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("clamp", [None, 0.5])
def test_gradients_against_finite_differences(up, clamp):
    weight, bias = (double(*shape, seed=1).detach() for shape in ((3, 2, 3, 3), (3,)))
    side = 8 if up else 4
    inputs = double(2, 2, 4, 4, seed=0), double(2, 2, seed=2), double(1, 1, side, side, seed=3)

    def call(x, styles, noise):
        return frozen_layer(x, weight, styles, bias, noise, up=up, gain=1.3, clamp=clamp)

    picture = call(*inputs)
    assert picture.shape == (2, 3, side, side) and (clamp is None or (picture.abs() == clamp).any())
    assert torch.autograd.gradcheck(call, inputs)


@pytest.fixture
def network():
    """Of 32 px, frozen, with noise and biases that count and values that reach the clamp."""
    torch.manual_seed(0)
    config = StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=32, channel_base=256, channel_max=16, conv_clamp=2.0)
    network = StyleGAN2(config).requires_grad_(False)
    for name, parameter in network.named_parameters():
        if "noise_strength" in name or ("bias" in name and "affine" not in name):
            parameter.normal_(std=0.3)
    return network


def drawn(network):
    """Picture, and gradients of w, of a sum over it."""
    rng = torch.Generator().manual_seed(1)
    ws = torch.randn(2, network.config.num_ws, 8, generator=rng).requires_grad_()
    picture = network.synthesis(ws)
    (picture * torch.randn(picture.shape, generator=rng)).sum().backward()
    return picture.detach(), ws.grad


def test_a_frozen_generator_draws_and_answers_as_a_free_one(network, monkeypatch):
    calls = []
    monkeypatch.setattr("ddgi.gan.stylegan2.layers.frozen_layer",
                        lambda *args, **kwargs: calls.append(1) or frozen_layer(*args, **kwargs))
    picture, gradient = drawn(network)
    assert len(calls) == 7                                          # every layer of 4, 8, 16 and 32 px
    monkeypatch.setattr(SynthesisLayer, "_frozen", lambda layer, x: False)
    written_out = drawn(network)
    assert torch.equal(picture, written_out[0])                     # the same operations in the same order
    # Their gradients are the same sums in another order: fp32 rounding over 32 x 32 pixels.
    torch.testing.assert_close(gradient, written_out[1], rtol=1e-5, atol=1e-5 * written_out[1].abs().max().item())


def test_weights_that_learn_get_their_gradients(network):
    network.synthesis.b32.conv1.weight.requires_grad_()
    network.synthesis.b16.conv0.noise_strength.requires_grad_()
    drawn(network)
    assert network.synthesis.b32.conv1.weight.grad.abs().sum() > 0
    assert network.synthesis.b16.conv0.noise_strength.grad.abs() > 0
