"""Convolution by fewer products: exact where arithmetic is, near the direct way elsewhere, and chosen where it pays."""

import pytest
import torch
import torch.nn.functional as F

from ddgi.gan import StyleGAN2Config, StyleGAN2Generator
from ddgi.gan.stylegan2 import strips
from ddgi.ops import Winograd, modulated, modulated_conv, winograd
from ddgi.seeds import seeded


def small(shape, most, seed):
    return torch.randint(-most, most + 1, shape, generator=seeded(seed)).float()


# Kernels of multiples of 24 * 24 make every number on the way a whole one below 2^24, but for the rounding of 1/6.
@pytest.mark.parametrize("work", [1, 10 ** 9], ids=["a row of tiles at a time", "at once"])
@pytest.mark.parametrize("batch, inputs, outputs, height, width", [(1, 3, 5, 4, 4), (2, 8, 4, 20, 8), (1, 2, 2, 7, 38)])
@torch.inference_mode()
def test_whole_numbers_are_exact(monkeypatch, work, batch, inputs, outputs, height, width):
    monkeypatch.setattr(winograd, "WORK_BYTES", work)
    x, kernel = small((batch, inputs, height + 2, width), 3, 1), 576 * small((outputs, inputs, 3, 3), 2, 2)
    found = Winograd(kernel)
    for _ in range(2):                          # memory of the first call is used again
        assert torch.equal((found(x) / 576).round() * 576, F.conv2d(x, kernel, padding=(0, 1)))
        assert torch.equal((found(x, rows=1) / 576).round() * 576, F.conv2d(x, kernel, padding=1))


# Outputs have a spread of 1; fp32 loses up to 5e-5 of it on the way through the tiles.
@torch.inference_mode()
def test_modulated_layers_take_it_and_stay_near(monkeypatch):
    x, weight = torch.randn(2, 144, 50, 53, generator=seeded(1)), torch.randn(130, 144, 3, 3, generator=seeded(2))
    styles, used = torch.randn(2, 144, generator=seeded(3)), []
    with monkeypatch.context() as patched:
        patched.setattr(winograd, "CHANNELS", 10 ** 6)
        direct = modulated_conv(x, weight, styles)
    monkeypatch.setattr(modulated, "Winograd", counted(used))
    torch.testing.assert_close(modulated_conv(x, weight, styles), direct, rtol=0, atol=1e-4)
    torch.testing.assert_close(modulated_conv(x[:1], weight, styles[:1]), direct[:1], rtol=0, atol=1e-4)
    assert len(used) == 2 and 0.8 < direct.std() < 1.2


@pytest.mark.parametrize("height, cuts", [(8, 8), (10, 8), (12, 6)])
@torch.inference_mode()
def test_strips_take_it_and_stay_near(monkeypatch, randomised, height, cuts):
    config = StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=64, channel_base=512, channel_max=16,
                             num_mapping_layers=2)
    network = randomised(StyleGAN2Generator.untrained(config)).module.synthesis
    ws, used = torch.randn(2, config.num_ws, 8, generator=seeded(2)), []
    whole = network(ws)
    monkeypatch.setattr(winograd, "CHANNELS", 8)
    monkeypatch.setattr(winograd, "PIXELS", 8 * 64)
    monkeypatch.setattr(strips, "STRIP_BYTES", height * 8 * 64 * 4)
    monkeypatch.setattr("ddgi.gan.stylegan2.synthesis.fits", lambda layer, x, resolution: resolution == 64)
    monkeypatch.setattr(strips, "Winograd", counted(used))
    torch.testing.assert_close(network(ws), whole, rtol=1e-3, atol=1e-3)
    assert used == [cuts, cuts]                 # a kernel for each sample, laid over each strip


def counted(used):
    """A Winograd that appends to `used` how often each of its kernels was laid over something."""
    class Counted(Winograd):
        def __init__(self, kernel):
            super().__init__(kernel)
            self.place = len(used)
            used.append(0)

        def __call__(self, *inputs, **options):
            used[self.place] += 1
            return super().__call__(*inputs, **options)
    return Counted


def test_it_is_for_many_channels_and_pixels_on_a_cpu_without_gradients():
    kernel = torch.zeros(128, 128, 3, 3)
    with torch.no_grad():
        assert Winograd.pays(kernel, 48, 48)
        assert not Winograd.pays(kernel, 47, 48)
        assert not Winograd.pays(kernel[1:], 48, 48) and not Winograd.pays(kernel[:, :, :1, :1], 48, 48)
        assert not Winograd.pays(kernel.to("meta"), 48, 48) and not Winograd.pays(kernel.bfloat16(), 48, 48)
    assert not Winograd.pays(kernel, 48, 48)
