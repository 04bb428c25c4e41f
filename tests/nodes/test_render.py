"""Render and bridge nodes on tiny networks with random weights."""

import dataclasses

import pytest
import torch

import ddgi.bridge
import ddgi.features
import ddgi.gan
from ddgi.gan.stylegan3 import StyleGAN3Config, StyleGAN3Generator
from ddgi.pictures import to_image


@pytest.fixture(scope="module")
def generator(pack):
    gan = ddgi.gan
    torch.manual_seed(0)
    config = gan.StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=16, channel_base=64, channel_max=8,
                                 num_mapping_layers=2)
    module = gan.StyleGAN2Generator.network(config).eval().requires_grad_(False)
    network = gan.StyleGAN2Generator(config, module, name="tiny")
    return pack.host.managed.ManagedModel(network, network)


@pytest.fixture(scope="module")
def latent(generator):
    z = torch.randn(3, 8, generator=torch.Generator().manual_seed(1))
    return generator.value.latent(generator.value.map(z))


def render(pack, generator, latent, **settings):
    defaults = {"noise_mode": "const", "seed": 0, "truncation": 1.0, "precision": "fp32", "allow_relative": False}
    return pack.nodes.render.Render.execute(generator, latent, **{**defaults, **settings}).args[0]


def test_image_is_bhwc_and_rounds_like_the_reference(pack, generator, latent):
    image = render(pack, generator, latent)
    assert image.shape == (3, 16, 16, 3) and image.dtype == torch.float32
    expected = (generator.value.render(latent).image * 127.5 + 128).clamp(0, 255).floor()
    assert ((image * 255).floor().permute(0, 3, 1, 2) - expected).abs().max() <= 1  # float rounding at a level's edge
    assert ((image * 255).floor().permute(0, 3, 1, 2) == expected).float().mean() > 0.99


@pytest.mark.parametrize("noise_mode", ["const", "random", "none"])
def test_a_batch_equals_its_singles(pack, generator, latent, noise_mode):
    batch = render(pack, generator, latent, noise_mode=noise_mode, seed=5)
    single = dataclasses.replace(latent, ws=latent.ws[2:])
    assert torch.equal(render(pack, generator, single, noise_mode=noise_mode, seed=7)[0], batch[2])


@pytest.mark.parametrize("channels", [1, 4])
def test_image_has_three_channels_and_alpha_is_a_mask(pack, channels):
    gan = ddgi.gan
    config = gan.StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=8, img_channels=channels, channel_base=64,
                                 channel_max=8)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = gan.StyleGAN2Generator.network(config).eval().requires_grad_(False)
    network = gan.StyleGAN2Generator(config, module, name="tiny")
    ws = network.map(torch.randn(2, 8, generator=torch.Generator().manual_seed(1)))
    outputs = pack.nodes.render.Render.execute(pack.host.managed.ManagedModel(network, network), network.latent(ws),
                                               "const", 0, 1.0, "fp32", False).args
    image, raw, alpha = outputs[0], outputs[3], outputs[4]
    drawn = (module.synthesis(ws, "const").clamp(-1, 1) + 1) / 2
    assert image.shape == raw.shape == (2, 8, 8, 3) and alpha.shape == (2, 8, 8)
    expected = drawn[:, :3].expand(-1, 3, -1, -1).movedim(1, -1)
    torch.testing.assert_close(image, expected, atol=1 / 255, rtol=0)           # `to_image` is half a level higher
    torch.testing.assert_close(alpha, drawn[:, 3] if channels == 4 else torch.ones(2, 8, 8), atol=1 / 255, rtol=0)


def test_the_seed_of_a_new_node_stays(pack):
    """Noise is "const" there, which never reads the seed: a new one would draw the same face again."""
    inputs = pack.nodes.render.Render.INPUT_TYPES()["required"]
    assert inputs["seed"][1]["control_after_generate"] == "fixed" and inputs["noise_mode"][1]["default"] == "const"


def test_truncation_zero_gives_the_mean_face(pack, generator, latent):
    image = render(pack, generator, latent, truncation=0.0)
    assert torch.equal(image[0], image[1]) and torch.equal(image[0], image[2])


def test_options_go_to_the_family_that_has_them(pack, generator, latent):
    turned = render(pack, generator, latent, rotation=30.0, neural_rendering_resolution=64)
    assert torch.equal(turned, render(pack, generator, latent))
    config = StyleGAN3Config(z_dim=8, w_dim=8, img_resolution=16, channel_base=64, channel_max=8, num_layers=4)
    network = StyleGAN3Generator.untrained(config)
    managed = pack.host.managed.ManagedModel(network, network)
    face = network.latent(network.map(torch.randn(1, 8, generator=torch.Generator().manual_seed(1))))
    image = render(pack, managed, face, rotation=30.0, neural_rendering_resolution=64)
    assert torch.equal(image, to_image(network.render(face, rotation=30.0).image))
    assert not torch.equal(image, render(pack, managed, face))


def test_latent_of_another_generator_is_refused_with_both_names(pack, generator, latent):
    foreign = dataclasses.replace(latent, generator_fingerprint="0123456789abcdef", generator_name="other")
    with pytest.raises(ddgi.InputError) as error:
        render(pack, generator, foreign)
    assert "'other'" in str(error.value) and "'tiny'" in str(error.value)
    assert torch.equal(render(pack, generator, foreign, allow_relative=True), render(pack, generator, latent))


def test_network_is_under_memory_management(pack, generator, latent):
    import comfy.model_management

    render(pack, generator, latent)
    loaded = [entry.model for entry in comfy.model_management.current_loaded_models]
    assert generator.patcher in loaded


def _features(pack, steps=3):
    """Random features of a U-Net with 8 middle channels and one decoder stage of 4 channels."""
    features = ddgi.features
    layout = features.FeatureLayout("custom", 8, (features.StageLayout(4, 1, (0, 1), 1),), (8, 8))
    draw = torch.Generator().manual_seed(2)

    def maps(channels, size):
        return torch.randn(2, channels, size, size, generator=draw)

    values = [features.StepFeatures(index, 900.0 - 300 * index, 5.0 - index, maps(8, 2), (maps(4, 8),), (maps(4, 8),),
                                    (maps(6, 8).sigmoid(),), (maps(6, 8).sigmoid(),)) for index in range(steps)]
    words = torch.tensor([[False, True, True, True, False, False]] * 2)
    return features.DiffusionFeatures(layout, tuple(values), words)


@pytest.fixture(scope="module")
def bridge(pack, generator):
    library = ddgi.bridge
    torch.manual_seed(0)
    config = library.BridgeConfig(
        family="custom", middle_channels=8, middle_size=2, stage_channels=(4,), map_size=4, num_ws=6, w_dim=8,
        mapping_channels=(8,), modulation_channels=4, head_channels=(4, 4), attention_source="output",
        refinement="both", generator_fingerprint=generator.value.fingerprint, generator_name="tiny")
    network = library.Bridge(config).eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter.normal_(0, 0.3)
    return pack.host.managed.ManagedModel(network, network)


def latent_of(pack, bridge, **settings):
    defaults = {"step": "last", "step_index": 0, "gamma": 1.0, "beta": 1.0, "truncation": 1.0}
    return pack.nodes.bridge.MappingAbSMNetLatent.execute(_features(pack), bridge, **{**defaults, **settings}).args[0]


def test_bridge_latent_renders_with_its_generator(pack, generator, bridge):
    latent = latent_of(pack, bridge)
    assert latent.ws.shape == (2, 6, 8)
    assert render(pack, generator, latent).shape == (2, 16, 16, 3)


def test_step_choices_differ_and_mean_is_their_mean(pack, bridge):
    singles = [latent_of(pack, bridge, step="one step", step_index=index).ws for index in range(3)]
    assert torch.equal(latent_of(pack, bridge, step="last").ws, singles[2])
    assert torch.allclose(latent_of(pack, bridge, step="mean").ws, torch.stack(singles).mean(0), atol=1e-6)
    schedule = latent_of(pack, bridge, step="schedule").ws
    assert torch.allclose(schedule[:, 0], singles[2][:, 0]) and torch.allclose(schedule[:, -1], singles[0][:, -1])


def test_a_step_that_was_not_captured_is_refused(pack, bridge):
    with pytest.raises(ddgi.InputError, match="step 3.*steps 0, 1, 2"):
        latent_of(pack, bridge, step="one step", step_index=3)
