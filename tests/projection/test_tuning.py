"""Pivotal tuning: a copy fits better, the generator stays, and the copy is a known relative."""

import pytest
import torch

from ddgi.gan import StyleGAN2Config, StyleGAN2Generator
from ddgi.perceptual import pyramid_distance
from ddgi.projection import Target, TuningConfig, tune
from ddgi.projection.noise import noise_loss, noise_pictures

TINY = StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=16, channel_base=256, channel_max=16, num_mapping_layers=2)


@pytest.fixture(scope="module")
def generator():
    network = StyleGAN2Generator.untrained(TINY, name="tiny")
    for name, value in network.module.named_parameters():
        if name.endswith("noise_strength"):
            value.fill_(0.2)
    return network


@pytest.fixture(scope="module")
def case(generator):
    """(Latent, target): pictures that the generator does not draw from these latents."""
    ws = generator.map(torch.randn(2, 8, generator=torch.Generator().manual_seed(4)))
    return generator.latent(ws), Target(generator.render(ws.flip(0)).image)


def test_a_tuned_copy_fits_and_the_generator_stays(generator, case):
    latent, target = case
    before = {name: value.clone() for name, value in generator.module.state_dict().items()}
    copy = tune(generator, latent, target, pyramid_distance, TuningConfig(steps=25, rate=5e-3), name="mine")
    after = generator.module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    far, near = (pyramid_distance(one.render(latent).image, target.pictures) for one in (generator, copy))
    assert (near < 0.7 * far).all()
    assert copy.lineage.ancestry == (generator.fingerprint,) and copy.fingerprint != generator.fingerprint
    assert not any(value.requires_grad for value in copy.parameters())
    mapping = [name for name in before if "mapping" in name]
    assert mapping and all(torch.equal(before[name], copy.module.state_dict()[name]) for name in mapping)


def test_locality_keeps_other_faces(generator, case):
    latent, target = case
    others = generator.map(torch.randn(16, 8, generator=torch.Generator().manual_seed(9)))
    moved = []
    for locality in (0.0, 3.0):
        config = TuningConfig(steps=15, rate=5e-3, locality=locality)
        copy = tune(generator, latent, target, pyramid_distance, config, name="x")
        moved.append((copy.render(others).image - generator.render(others).image).abs().mean())
    assert moved[1] < 0.8 * moved[0]


def test_noise_stays_noise(generator, case):
    copy = tune(generator, *case, pyramid_distance, TuningConfig(steps=3, noise_rate=0.05), name="x")
    for noise, old in zip(noise_pictures(copy.module), noise_pictures(generator.module)):
        assert not torch.equal(noise, old)
        assert abs(noise.mean()) < 1e-5 and abs(noise.square().mean() - 1) < 1e-5
    still = tune(generator, *case, pyramid_distance, TuningConfig(steps=2, noise_rate=0.0), name="x")
    assert all(map(torch.equal, noise_pictures(still.module), noise_pictures(generator.module)))


def test_the_noise_loss_sees_neighbours_that_are_alike():
    white = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    stripes = torch.ones(64, 64)
    stripes[::2] = -1
    assert noise_loss([white]) < 0.1            # squares of means of 64 numbers and more: 1 / 64 at the smallest size
    assert noise_loss([stripes]) >= 2.0         # neighbours along rows are equal, along columns opposite
