"""Blocks in strips give the pictures of blocks as a whole; sizes at which strips meet every border."""

import pytest
import torch

from ddgi.gan import EG3DConfig, EG3DGenerator, RenderingConfig, StyleGAN2Config, StyleGAN2Generator
from ddgi.gan.stylegan2 import strips
from ddgi.seeds import seeded

FLAT = StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=64, channel_base=512, channel_max=16, num_mapping_layers=2,
                       conv_clamp=3.0)
# Strips of a 64 px map with 8 channels: 8 rows, 10 that do not divide it, and all but two.
HEIGHTS = (8, 10, 62)


def latents(config, batch=2):
    return torch.randn(batch, config.num_ws, 8, generator=seeded(2))


def in_strips(monkeypatch, height):
    """Strips of so many rows where a map is 64 px and 8 channels; returns a list that grows with every block cut."""
    monkeypatch.setattr(strips, "STRIP_BYTES", height * 8 * 64 * 4)
    monkeypatch.setattr(strips, "fits", lambda layer, x, resolution: resolution >= 32 and not torch.is_grad_enabled())
    seen, whole = [], strips.block_in_strips

    def counted(layers, x, ws, noises, resolution, needs_x):
        seen.append((resolution, needs_x))
        return whole(layers, x, ws, noises, resolution, needs_x)

    for module in ("ddgi.gan.stylegan2.synthesis", "ddgi.gan.eg3d.superresolution"):
        monkeypatch.setattr(f"{module}.fits", strips.fits)
        monkeypatch.setattr(f"{module}.block_in_strips", counted)
    return seen


# Rounding: sums in another order, seen through twelve layers.
@pytest.mark.parametrize("height", HEIGHTS)
@pytest.mark.parametrize("noise", [{}, {"noise_mode": "random", "seed": (3, 4)}, {"noise_mode": "none"}], ids=str)
@torch.inference_mode()
def test_flat_pictures_stay_the_same(monkeypatch, height, noise, randomised):
    network, ws = randomised(StyleGAN2Generator.untrained(FLAT)).module.synthesis, latents(FLAT)
    whole, blocks = network(ws, **noise), {}
    seen = in_strips(monkeypatch, height)
    torch.testing.assert_close(network(ws, **noise), whole, rtol=1e-4, atol=1e-4)
    assert seen == [(32, True), (64, False)]
    network(ws, **noise, blocks=blocks)         # who asks for features gets those of the last block too
    assert seen[-1] == (64, True) and blocks[64][0].shape == (2, 8, 64, 64)


@torch.inference_mode()
def test_features_stay_the_same(monkeypatch, randomised):
    network, ws = randomised(StyleGAN2Generator.untrained(FLAT)).module.synthesis, latents(FLAT)
    whole, cut = {}, {}
    network(ws, blocks=whole)
    in_strips(monkeypatch, 10)
    network(ws, blocks=cut)
    torch.testing.assert_close(cut[64][0], whole[64][0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["8X", "4X"])
@torch.inference_mode()
def test_heads_stay_the_same(monkeypatch, kind, randomised):
    backbone = StyleGAN2Config(z_dim=8, c_dim=25, w_dim=8, img_resolution=16, img_channels=12, channel_base=64,
                               channel_max=8, num_mapping_layers=2)
    size = 16 if kind == "8X" else 32
    config = EG3DConfig(backbone, img_resolution=64, neural_rendering_resolution=16, feature_channels=4,
                        decoder_width=8, sr_kind=kind, sr_input_resolution=size, sr_channels=(8, 8),
                        rendering=RenderingConfig(depth_resolution=6, depth_resolution_importance=6))
    network, ws = randomised(EG3DGenerator.untrained(config)).module.superresolution, latents(config)
    feature = torch.randn(2, 4, 16, 16, generator=seeded(3))
    whole = network(feature, ws)
    seen = in_strips(monkeypatch, 10)
    torch.testing.assert_close(network(feature, ws), whole, rtol=1e-4, atol=1e-4)
    assert seen == [(32, True), (64, False)]


def test_only_large_maps_without_gradients_are_cut():
    layer, x = StyleGAN2Generator.untrained(FLAT).module.synthesis.b64.conv1, torch.zeros(1)
    limit = (2 * strips.STRIP_BYTES // (len(layer.weight) * 4)) ** 0.5
    with torch.no_grad():
        assert strips.fits(layer, x, int(limit) + 1) and not strips.fits(layer, x, int(limit) - 1)
        assert not strips.fits(layer, x.to("meta"), int(limit) + 1)
    assert not strips.fits(layer, x, int(limit) + 1)
