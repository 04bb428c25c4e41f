"""Render, noise, truncation, identity and errors of the generator wrapper."""

import pytest
import torch

from ddgi.errors import InputError
from ddgi.gan import StyleGAN2Config


@pytest.mark.parametrize("noise_mode", ["const", "random", "none"])
def test_batch_equals_singles(generator, ws, noise_mode):
    batch = generator.render(ws, noise_mode=noise_mode, seed=[5, 6, 7]).image
    singles = [generator.render(w[None], noise_mode=noise_mode, seed=5 + i).image for i, w in enumerate(ws)]
    assert torch.equal(batch, torch.cat(singles))


def test_module_batch_is_close_to_singles(generator, ws):
    batch = generator.module.synthesis(ws)
    singles = torch.cat([generator.module.synthesis(w[None]) for w in ws])
    assert (batch - singles).abs().max() <= 1e-5 * singles.abs().max()


def test_random_noise_follows_the_seed(generator, ws):
    first, again, other = (generator.render(ws, noise_mode="random", seed=s).image for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=1e-3)


def test_noise_modes_differ(generator, ws):
    images = [generator.render(ws, noise_mode=mode).image for mode in ("const", "random", "none")]
    assert not torch.allclose(images[0], images[2], atol=1e-3)
    assert not torch.allclose(images[1], images[2], atol=1e-3)


def test_noise_seed_leaves_the_global_generator_alone(generator, ws):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    generator.render(ws, noise_mode="random", seed=9)
    assert torch.equal(torch.rand(1), expected)


def test_truncation_to_zero_gives_the_mean(generator):
    ws = generator.map(torch.randn(2, 8), truncation_psi=0.0)
    assert torch.allclose(ws, generator.w_avg.expand_as(ws))


def test_draw_lets_gradients_through_and_shows_what_render_shows(generator, ws):
    leaf = ws.clone().requires_grad_(True)
    pictures = generator.draw(leaf)
    pictures.square().mean().backward()
    assert leaf.grad.abs().sum() > 0
    rendered = generator.render(leaf).image
    assert not rendered.requires_grad
    assert (pictures - rendered).abs().max() <= 1e-5 * rendered.abs().max()     # another order of summation


def test_progress_counts_samples_and_may_stop(generator, ws):
    calls = []
    generator.render(ws, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]

    def stop(done, total):
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        generator.render(ws, progress=stop)


def test_fingerprint_follows_the_weights(make):
    assert make(seed=0).fingerprint == make(seed=0, name="other").fingerprint
    assert make(seed=0).fingerprint != make(seed=1).fingerprint


@pytest.mark.parametrize("resolution", [4, 8, 64])
@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
def test_every_size_and_architecture_renders(make, resolution, architecture):
    generator = make(img_resolution=resolution, architecture=architecture, channels=None)
    ws = generator.map(torch.randn(1, 8))
    assert ws.shape[1] == 2 * (resolution.bit_length() - 2)
    assert generator.render(ws).image.shape == (1, 3, resolution, resolution)


def test_uneven_channels_are_inferred(make):
    assert make(channels=(8, 3, 5)).config.channels == (8, 3, 5)


@pytest.mark.parametrize("changes", [{"img_resolution": 48}, {"img_resolution": 2048}, {"architecture": "other"},
                                     {"w_dim": 0}, {"c_dim": -1}, {"channels": (4,)}])
def test_impossible_configs_are_refused(changes):
    with pytest.raises(InputError):
        StyleGAN2Config(**changes)


@pytest.mark.parametrize("call, words", [
    (lambda g, ws: g.render(ws, cameras=torch.zeros(1, 25)), "3D generator"),
    (lambda g, ws: g.render(ws, noise_mode="loud"), "const, random, none"),
    (lambda g, ws: g.render(ws, dtype=torch.float64), "bfloat16"),
    (lambda g, ws: g.render(ws[:, :2]), "numbers a picture"),
    (lambda g, ws: g.render(ws * float("nan")), "finite"),
    (lambda g, ws: g.render(ws, seed=[1]), "seeds"),
    (lambda g, ws: g.map(torch.zeros(1, 9)), "batch, 8"),
])
def test_wrong_input_is_explained(generator, ws, call, words):
    with pytest.raises(InputError, match=words):
        call(generator, ws)


def test_missing_label_is_explained(make):
    with pytest.raises(InputError, match="label c is missing"):
        make(c_dim=3).map(torch.zeros(1, 8))


def test_incomplete_tensors_are_explained(generator):
    state = generator.module.state_dict()
    del state["synthesis.b8.conv0.bias"]
    with pytest.raises(InputError, match="b8.conv0.bias"):
        type(generator).from_state_dict(state)


def test_sizes_that_multiply_beyond_the_file_are_refused_without_allocating(generator):
    state = dict(generator.module.state_dict())
    for resolution in (4, 8, 16):
        state[f"synthesis.b{resolution}.conv1.weight"] = torch.zeros(10 ** 6, 1, 1, 1)
    with pytest.raises(InputError, match="shape"):
        type(generator).from_state_dict(state)


def test_values_that_are_not_finite_are_refused(generator):
    state = dict(generator.module.state_dict())
    state["mapping.w_avg"] = torch.full((8,), float("nan"))
    with pytest.raises(InputError, match="finite"):
        type(generator).from_state_dict(state)


def test_other_filters_are_refused(generator):
    state = dict(generator.module.state_dict())
    state["synthesis.b8.resample_filter"] = torch.ones(4, 4) / 16
    with pytest.raises(InputError, match="filter"):
        type(generator).from_state_dict(state)
