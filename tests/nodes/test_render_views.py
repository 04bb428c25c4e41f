"""The render node with a tiny EG3D of random weights, and its further outputs for 2D generators."""

import dataclasses

import pytest
import torch

import ddgi.cameras
import ddgi.gan
import ddgi.geometry
import ddgi.pictures


@pytest.fixture(scope="module")
def generator(pack):
    gan = ddgi.gan
    torch.manual_seed(0)
    backbone = gan.StyleGAN2Config(z_dim=8, c_dim=25, w_dim=8, img_resolution=8, img_channels=12, channel_base=64,
                                   channel_max=8, num_mapping_layers=2)
    config = gan.EG3DConfig(
        backbone, img_resolution=16, neural_rendering_resolution=8, feature_channels=4, decoder_width=8, sr_kind="2X",
        sr_input_resolution=8, sr_channels=(8, 4),
        rendering=gan.RenderingConfig(depth_resolution=6, depth_resolution_importance=6))
    module = gan.EG3DGenerator.network(config)
    module.decoder.net["2"].bias.data[0] = 4        # dense enough that rays are stopped
    network = gan.EG3DGenerator(config, module.eval().requires_grad_(False), name="tiny3d")
    return pack.host.managed.ManagedModel(network, network)


@pytest.fixture(scope="module")
def latent(generator):
    z = torch.randn(2, 8, generator=torch.Generator().manual_seed(1))
    return generator.value.latent(generator.value.map(z))


@pytest.fixture(scope="module")
def flat(pack):
    """A 2D generator and a latent of it."""
    gan = ddgi.gan
    torch.manual_seed(0)
    config = gan.StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=16, channel_base=64, channel_max=8,
                                 num_mapping_layers=2)
    module = gan.StyleGAN2Generator.network(config).eval().requires_grad_(False)
    network = gan.StyleGAN2Generator(config, module, name="tiny2d")
    return pack.host.managed.ManagedModel(network, network), network.latent(network.map(torch.randn(2, 8)))


def cameras(pack, **settings):
    return ddgi.cameras.Camera.from_angles(**settings)


def render(pack, generator, latent, **settings):
    old = {"noise_mode": "const", "seed": 0, "truncation": 1.0, "precision": "fp32", "allow_relative": False}
    return pack.nodes.render.Render.execute(generator, latent, **{**old, **settings}).args


def test_every_face_from_every_camera_face_by_face(pack, generator, latent):
    views = cameras(pack, yaw=[-30, 0, 30])
    image, depth, normals, raw, alpha = render(pack, generator, latent, cameras=views)
    assert image.shape == depth.shape == normals.shape == (6, 16, 16, 3)
    assert raw.shape == (6, 8, 8, 3) and alpha.shape == (6, 16, 16)
    for pictures in (image, depth, normals, raw, alpha):
        assert pictures.dtype == torch.float32 and pictures.min() >= 0 and pictures.max() <= 1
    alone = render(pack, generator, dataclasses.replace(latent, ws=latent.ws[1:]), cameras=cameras(pack, yaw=30))
    for batch, single in zip((image, depth, normals, raw, alpha), alone):
        assert torch.equal(batch[5:], single)


def test_outputs_are_the_librarys(pack, generator, latent):
    views, geometry = cameras(pack, yaw=[-30, 30]), ddgi.geometry
    resize = ddgi.pictures.resize
    image, depth, normals, raw, alpha = render(pack, generator, latent, cameras=views)
    out = generator.value.render(latent, views)
    assert torch.equal(image, pack.nodes.render.to_image(out.image))
    assert torch.equal(raw, pack.nodes.render.to_image(out.image_raw))
    expected = geometry.normals_from_depth(out.image_depth, views.label.repeat(2, 1))
    expected = resize(geometry.normal_pictures(expected, out.image_alpha), 16)
    torch.testing.assert_close(normals.permute(0, 3, 1, 2), expected)
    expected = resize(geometry.depth_pictures(out.image_depth, out.image_alpha), 16).clamp(0, 1)
    torch.testing.assert_close(depth.permute(0, 3, 1, 2), expected.expand(-1, 3, -1, -1))
    torch.testing.assert_close(alpha[:, None], resize(out.image_alpha, 16).clamp(0, 1))


def test_without_cameras_the_latents_own_or_the_frontal_one(pack, generator, latent):
    front = render(pack, generator, latent)
    torch.testing.assert_close(front[0], render(pack, generator, latent, cameras=cameras(pack))[0], atol=1e-5, rtol=0)
    own = dataclasses.replace(latent, camera=cameras(pack, yaw=[20, -20]).label)
    pictures = render(pack, generator, own)
    both = render(pack, generator, latent, cameras=cameras(pack, yaw=[20, -20]))
    for picture, expected in zip(pictures, both):
        assert torch.equal(picture, expected[[0, 3]])


def test_resolution_changes_detail_and_memory_changes_nothing(pack, generator, latent):
    usual = render(pack, generator, latent)
    fine = render(pack, generator, latent, neural_rendering_resolution=16)
    assert fine[3].shape == (2, 16, 16, 3) and fine[0].shape == usual[0].shape
    small = render(pack, generator, latent, memory_mib=16, neural_rendering_resolution=16)
    torch.testing.assert_close(small[0], fine[0], atol=1e-5, rtol=0)


def test_truncation_zero_gives_the_mean_head(pack, generator, latent):
    image = render(pack, generator, latent, truncation=0.0)[0]
    assert torch.equal(image[0], image[1])


def test_cancel_stops_between_views(pack, generator, latent):
    import comfy.model_management as host

    host.interrupt_current_processing()
    with pytest.raises(host.InterruptProcessingException):
        render(pack, generator, latent, cameras=cameras(pack, yaw=[0, 10, 20]))


@pytest.mark.parametrize(("settings", "sentence"), [
    ({"pivot": (0, 0, 5)}, "looks away from the head"),
    ({"radius": 8}, "from 2.25 to 3.3; set the radius near"),
])
def test_cameras_without_a_head_are_one_sentence(pack, generator, latent, settings, sentence):
    with pytest.raises(ddgi.InputError, match=sentence):
        render(pack, generator, latent, cameras=cameras(pack, **settings))


def test_flat_generator_has_plain_further_outputs_and_refuses_cameras(pack, flat):
    image, depth, normals, raw, alpha = render(pack, *flat)
    assert torch.equal(raw, image) and not depth.any() and (alpha == 1).all()
    assert (normals == torch.tensor([0.5, 0.5, 1])).all()
    assert depth.shape == normals.shape == image.shape and alpha.shape == image.shape[:3]
    with pytest.raises(ddgi.InputError, match="'tiny2d' is a 2D StyleGAN2 generator"):
        render(pack, *flat, cameras=cameras(pack))


def test_latent_of_a_flat_generator_is_refused(pack, generator, flat):
    with pytest.raises(ddgi.InputError, match="'tiny2d'.*'tiny3d'"):
        render(pack, generator, flat[1])


def test_an_orbit_becomes_a_core_video(pack, generator, latent, host, tmp_path):
    from comfy_extras.nodes_video import CreateVideo

    one = dataclasses.replace(latent, ws=latent.ws[:1])
    image = render(pack, generator, one, cameras=ddgi.cameras.orbit(4))[0]
    video = CreateVideo.execute(images=image, fps=12.0).args[0]
    assert video.get_components().images.shape == (4, 16, 16, 3)


def test_workflows_from_before_cameras_still_run(pack):
    """They have only these inputs, and use the first output as the picture."""
    schema = pack.nodes.render.Render.GET_SCHEMA()
    required = [entry.id for entry in schema.inputs if not entry.optional]
    assert required == ["generator", "latent", "noise_mode", "seed", "truncation", "precision", "allow_relative"]
    assert [entry.id for entry in schema.inputs][:7] == required
    assert schema.outputs[0].get_io_type() == "IMAGE"
