"""Movement, noise, gradients and configs of StyleGAN3."""

import pytest
import torch
from safetensors.torch import load_file

from ddgi.errors import InputError
from ddgi.gan import Generator
from ddgi.gan.stylegan3 import StyleGAN3Config, StyleGAN3Generator


@pytest.fixture(scope="module", params=["t", "r"])
def case(golden, request):
    return load_file(golden / f"stylegan3_tiny_{request.param}.safetensors")


@pytest.fixture(scope="module")
def generator(case):
    weights = {key[3:]: value for key, value in case.items() if key.startswith("sd.")}
    return Generator.from_state_dict(weights | {"synthesis.input.transform": torch.eye(3)})


@pytest.mark.parametrize("changes", [{"img_resolution": 48}, {"num_critical": 14}, {"channels": (4,)},
                                     {"conv_kernel": 2}, {"filter_size": 3}, {"output_scale": 0.0}])
def test_impossible_configs_are_refused(changes):
    with pytest.raises(InputError):
        StyleGAN3Config(**changes)


def psnr(one, two):
    return -10 * torch.log10((one - two).square().mean() / 4)


def test_translation_moves_the_picture(generator, case):
    plain = generator.render(case["out.ws"][:1]).image
    moved = generator.render(case["out.ws"][:1], translate_x=8 / 64, translate_y=-4 / 64).image
    # Away from the borders, whose margin saw another part of the waves.
    assert psnr(plain[..., 12:56, 8:48], moved[..., 8:52, 16:56]) > 60


def test_rotation_turns_the_picture_of_config_r(generator, case):
    plain = generator.render(case["out.ws"][:1]).image
    turned = generator.render(case["out.ws"][:1], rotation=90.0).image
    exact = psnr(torch.rot90(plain, 1, (2, 3))[..., 8:56, 8:56], turned[..., 8:56, 8:56])
    assert exact > 60 if generator.config.use_radial_filters else exact < 40


def test_noise_changes_nothing_and_a_batch_is_its_singles(generator, case):
    batch = generator.render(case["in.ws_mixed"], noise_mode="random", seed=[1, 2]).image
    assert torch.equal(batch[1:], generator.render(case["in.ws_mixed"][1:], noise_mode="none").image)


def test_draw_lets_gradients_through(generator, case):
    leaf = case["out.ws"].clone().requires_grad_(True)
    pictures = generator.draw(leaf)
    pictures.square().mean().backward()
    assert leaf.grad.abs().sum(2).gt(0).all()       # every w is used
    rendered = generator.render(leaf).image
    assert (pictures - rendered).abs().max() <= 1e-5 * rendered.abs().max()


def test_style_layers_are_driven_in_their_order(generator):
    layers = generator.style_layers()
    assert [layer.index for layer in layers] == list(range(16))
    assert [layer.is_rgb for layer in layers] == [False] * 15 + [True]
    assert layers[5].affine is getattr(generator.module.synthesis, generator.module.synthesis.layer_names[4]).affine


def test_untrained_generators_draw_something():
    config = StyleGAN3Config(z_dim=8, w_dim=8, img_resolution=16, channel_base=64, channel_max=8, num_layers=4)
    generator = StyleGAN3Generator.untrained(config)
    picture = generator.render(generator.map(torch.randn(1, 8))).image
    assert torch.isfinite(picture).all()
    assert picture.std() > 0.01
