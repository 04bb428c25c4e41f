"""The demo recipe's parts agree with core: what is trained is what core runs."""

import dataclasses
import importlib
import json
from pathlib import Path

import pytest
import torch

import ddgi.cameras
import ddgi.gan
import ddgi.headworld

SHIPPED = Path(__file__).parents[2] / "demo"


@pytest.fixture(scope="module")
def demo(pack):
    class Parts:
        def __getattr__(self, name):
            return importlib.import_module(f"{pack.__name__}.ddgi.demo.{name}")

    return Parts()


@pytest.fixture(scope="module")
def core(pack):
    return importlib.import_module(f"{pack.__name__}.host.core_models")


@pytest.fixture(scope="module")
def tokenizer_folder(demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    demo.tokenizer.write_tokenizer(folder)
    return folder


@pytest.fixture(scope="module")
def config(demo, tokenizer_folder):
    vocabulary = json.loads((tokenizer_folder / "vocab.json").read_text())
    return demo.config.DiffusionConfig.build(
        image_size=32, downscale=4, vae_channels=32, vae_mult=[1, 1, 1], z_channels=4, model_channels=32,
        channel_mult=[1, 2], num_res_blocks=1, num_heads=2, text_width=32, text_layers=2, vocab_size=len(vocabulary))


def random_weights(module, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.05
    return module


@pytest.fixture(scope="module")
def networks(core, config, tokenizer_folder):
    clip = core.build_clip(config, tokenizer_folder)
    return {"unet": random_weights(core.build_unet(config).diffusion_model),
            "control_net": random_weights(core.build_control_net(config)),
            "text": random_weights(clip.cond_stage_model.clip_l.transformer).float(), "clip": clip}


def test_every_word_of_the_grammar_is_one_token(pack, networks):
    tokenizer = networks["clip"].tokenizer
    for word in ddgi.headworld.VOCABULARY:
        ids = [token for token, _ in tokenizer.tokenize_with_weights(word)["l"][0]]
        end = ids[-1]
        assert ids[2:] == [end] * 75, word  # start, the word, end and padding


def test_words_keep_their_ids_as_words_are_added(tokenizer_folder):
    """The shipped text encoder was trained with these ids; only start and end, which come last, may move."""
    shipped = json.loads((SHIPPED / "tokenizer" / "vocab.json").read_text())
    ours = json.loads((tokenizer_folder / "vocab.json").read_text())
    assert [ours[token] for token in list(shipped)[:-2]] == list(range(len(shipped) - 2))
    assert list(ours)[-2:] == list(shipped)[-2:]


def test_text_training_equals_cores_text_encoder(demo, networks):
    clip = networks["clip"]
    prompt = "a smiling woman with long red hair"
    ids = torch.tensor([[token for token, _ in clip.tokenizer.tokenize_with_weights(prompt)["l"][0]]])
    ours = demo.text.encode_text(networks["text"], ids)
    # Attention sums in another order: fp32 rounding only.
    assert torch.allclose(ours, clip.encode_from_tokens(clip.tokenize(prompt)), atol=1e-5)


def test_out_of_place_control_equals_cores_in_place_control(demo, networks):
    g = torch.Generator().manual_seed(1)
    x, context = torch.randn(2, 4, 8, 8, generator=g), torch.randn(2, 77, 32, generator=g)
    hint, timesteps = torch.rand(2, 3, 64, 64, generator=g), torch.tensor([10.0, 900.0])
    unet, control_net = networks["unet"], networks["control_net"]
    with torch.no_grad():
        control = control_net(x=x, hint=hint, timesteps=timesteps, context=context)
        core_way = unet(x, timesteps, context=context, control=control)
        ours = demo.diffusion.predict(unet, control_net, x, timesteps, context, hint, torch.ones(2, 1, 1, 1))
        dropped = demo.diffusion.predict(unet, control_net, x, timesteps, context, hint, torch.zeros(2, 1, 1, 1))
        without = unet(x, timesteps, context=context)
    assert torch.equal(ours, core_way)
    assert torch.equal(dropped, without)
    assert not torch.allclose(ours, without, atol=1e-4)


def test_latents_weigh_what_the_pixels_over_them_weigh(demo):
    pixels = torch.ones(1, 1, 4, 4)
    pixels[0, 0, 0, 0] = 9.0                                        # one of the four pixels over the first latent
    weights = demo.diffusion.latent_weights(pixels, 2)
    assert torch.allclose(weights, torch.tensor([[[[3.0, 1.0], [1.0, 1.0]]]]) / 1.5)


def test_head_code_reads_only_what_the_head_world_draws(pack, demo):
    headworld = ddgi.headworld
    z = headworld.stack_seeds(range(4))
    code = demo.generator.head_code(z)
    assert torch.allclose(demo.generator.head_code(z * 3), code, atol=1e-5)  # only z's direction counts
    attributes = headworld.parameters_from_z(z).attributes
    start = 0
    for column, values in zip(attributes.unbind(1), headworld.ATTRIBUTES.values()):
        assert torch.equal(code[:, start:start + len(values)].argmax(1), column)
        start += len(values)


def test_a_saved_diffusion_file_gives_the_same_model(demo, core, pack, config, networks, tmp_path, tokenizer_folder):
    import shutil

    nodes_demo = __import__(f"{pack.__name__}.host.demo_models", fromlist=["x"])
    autoencoder = random_weights(core.build_autoencoder(config))
    config = dataclasses.replace(config, latent_scale=0.5)
    for network in (*list(networks.values())[:3], autoencoder):
        demo.recipe.round_to_half(network)
    demo.export.save_diffusion(tmp_path / "diffusion.safetensors", config, networks, autoencoder, {})
    demo.export.save_control_net(tmp_path / "controlnet.safetensors", config, networks["control_net"], {})
    shutil.copytree(tokenizer_folder, tmp_path / "tokenizer")
    model, clip, vae = nodes_demo.load_diffusion(tmp_path)
    x, context, t = torch.randn(1, 4, 8, 8), torch.randn(1, 77, 32), torch.tensor([500.0])
    with torch.no_grad():
        assert torch.equal(model.model.diffusion_model(x, t, context=context), networks["unet"](x, t, context=context))
        image = autoencoder.decoder(autoencoder.post_quant_conv(x))
    assert torch.allclose(vae.decode(x).movedim(-1, 1), ((image + 1) / 2).clamp(0, 1), atol=1e-6)
    assert model.get_model_object("latent_format").scale_factor == 0.5
    assert vae.spacial_compression_decode() == 4
    control = nodes_demo.load_control_net(tmp_path)
    hint = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        ours = networks["control_net"](x=x, hint=hint, timesteps=t, context=context)["middle"][0]
        assert torch.equal(control.control_model(x=x, hint=hint, timesteps=t, context=context)["middle"][0], ours)


def test_the_code_of_a_3d_head_knows_neither_camera_nor_wall(pack, demo):
    z = ddgi.headworld.stack_seeds(range(4))
    factors = ddgi.headworld.FACTORS
    moved = z.clone()
    first = len(ddgi.headworld.ATTRIBUTES)
    # z's direction counts, so a swap of two unseen dimensions keeps all others as they are.
    yaw, pitch = first + factors.index("yaw"), first + factors.index("pitch")
    moved[:, [yaw, pitch]] = z[:, [pitch, yaw]]
    assert torch.equal(demo.generator_3d.eg3d_code(moved), demo.generator_3d.eg3d_code(z))
    assert not torch.equal(demo.generator.head_code(moved), demo.generator.head_code(z))


def test_guided_rays_equal_the_renderer_at_the_same_depths(pack, demo):
    gan = ddgi.gan
    settings = dataclasses.replace(demo.settings.CPU, views_resolution=16, w_dim=8,
                                   plane_resolution=16, plane_channels=(8, 8, 4))
    torch.manual_seed(0)
    module = gan.EG3DGenerator.network(demo.generator_3d.eg3d_config(settings)).requires_grad_(False)
    planes = module.planes(torch.randn(2, module.config.num_ws, 8), "none")
    labels = ddgi.cameras.look_at_label(torch.tensor([0.1, -0.3]), torch.tensor([0.0, 0.2]))
    origins, directions = ddgi.cameras.rays_from_label(labels, 4)
    origins = origins[:, None].expand_as(directions)
    rays = importlib.import_module(f"{pack.__name__}.ddgi.gan.eg3d.rays")
    options = dataclasses.replace(module.config.rendering, depth_resolution_importance=0)
    bounds = (torch.full((2, 16), options.ray_start), torch.full((2, 16), options.ray_end))
    seen = rays.march_rays(module.field(planes), origins, directions, bounds, options)
    feature, alpha, depth = demo.generator_3d.guided_rays(module, planes, origins, directions, seen.depths_coarse)
    # The same sums, ordered otherwise.
    assert torch.allclose(feature, seen.feature, atol=1e-5)
    assert torch.allclose(alpha, seen.weight_total, atol=1e-5)
    assert torch.allclose(depth, seen.depth, atol=1e-3)


def test_guided_depths_rise_and_gather_around_the_surface(demo):
    config = demo.generator_3d.eg3d_config(demo.settings.CPU).rendering
    surface = torch.full((2, 5), 2.6)
    depths = demo.generator_3d.guided_depths(surface, config, torch.Generator().manual_seed(0))
    assert (depths[..., 1:] >= depths[..., :-1]).all()
    assert config.ray_start <= depths.min() <= depths.max() <= config.ray_end
    near = ((depths - 2.6).abs() < 5 * demo.generator_3d.SURFACE_SPREAD).sum(-1)
    assert (near >= demo.generator_3d.SURFACE_SAMPLES).all()
