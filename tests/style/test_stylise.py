"""Copies learn a style: nearer to pictures of it, in texture too, while faces, generator and strangers stay apart."""

import pytest
import torch
from torch.nn import functional as F

from ddgi.errors import InputError
from ddgi.gan import EG3DConfig, EG3DGenerator, RenderingConfig, StyleGAN2Config, StyleGAN2Generator
from ddgi.gan.stylegan3 import StyleGAN3Config, StyleGAN3Generator
from ddgi.perceptual import pyramid_distance
from ddgi.seeds import seeded
from ddgi.style import Lesson, StyliseConfig, Stylist, own_faces, style_faces
from ddgi.style.texture import structure_distance, texture_distance

FLAT = StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=32, channel_base=512, channel_max=16, num_mapping_layers=2)
SHIFT = StyleGAN3Config(z_dim=8, w_dim=8, img_resolution=32, channel_base=512, channel_max=8, num_layers=4,
                        num_critical=1, margin_size=4, num_fp16_res=0)
SOLID = EG3DConfig(
    StyleGAN2Config(z_dim=8, c_dim=25, w_dim=8, img_resolution=16, img_channels=12, channel_base=128, channel_max=8,
                    num_mapping_layers=2),
    img_resolution=32, neural_rendering_resolution=8, feature_channels=4, decoder_width=8, sr_kind="2X",
    sr_input_resolution=16, sr_channels=(8, 8), rendering=RenderingConfig(depth_resolution=6,
                                                                        depth_resolution_importance=6))
FAMILIES = {"stylegan2": (StyleGAN2Generator, FLAT), "stylegan3": (StyleGAN3Generator, SHIFT),
            "eg3d": (EG3DGenerator, SOLID)}


def untrained(family):
    network, config = FAMILIES[family]
    return network.untrained(config, name=family)


@pytest.fixture(scope="module")
def generator():
    return untrained("stylegan2")


def drawn_style(pictures):
    """Another way to draw pictures: inverted, in stripes."""
    stripes = torch.ones(pictures.shape[-1])
    stripes[::4] = 0.2
    return -pictures.clamp(-1, 1) * stripes


def exact(generator, count=6):
    faces = own_faces(generator, count, seed=3)
    return Lesson(drawn_style(generator.draw(faces.ws, faces.camera)), faces, is_exact=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_faces_that_were_not_shown_take_the_style_in_every_family(family):
    generator = untrained(family)
    before = {name: value.clone() for name, value in generator.module.state_dict().items()}
    stylist = Stylist(generator, exact(generator), pyramid_distance, StyliseConfig(steps=25, rate=0.02), name="ink")
    copy = stylist.run()
    assert all(torch.equal(value, before[name]) for name, value in generator.module.state_dict().items())
    assert copy.lineage.ancestry == (generator.fingerprint,) and copy.fingerprint != generator.fingerprint
    assert not any(value.requires_grad for value in copy.parameters())
    others = own_faces(generator, 4, seed=99)
    plain, styled = (one.draw(others.ws, others.camera) for one in (generator, copy))
    wanted = drawn_style(plain)
    assert pyramid_distance(styled, wanted).mean() < 0.8 * pyramid_distance(plain, wanted).mean()
    mapping = [name for name in before if "mapping." in name]
    assert mapping and all(torch.equal(before[name], copy.module.state_dict()[name]) for name in mapping)


def test_one_picture_of_an_unknown_face_teaches_all_faces(generator):
    shown = generator.draw(own_faces(generator, 1, seed=7).ws)
    pictures = drawn_style(shown)
    faces = style_faces(generator, pictures, steps=3)
    config = StyliseConfig(steps=20, rate=0.02)
    copy = Stylist(generator, Lesson(pictures, faces, is_exact=False), pyramid_distance, config, name="ink").run()
    plain, styled = (one.draw(own_faces(generator, 4, seed=99).ws) for one in (generator, copy))
    style = pictures.expand(4, -1, -1, -1)
    near, far = (texture_distance(one, style, seeded(5)) for one in (styled, plain))
    assert near < 0.8 * far


def test_the_same_seed_gives_the_same_copy_and_another_one_does_not(generator):
    def learnt(seed):
        config = StyliseConfig(steps=2, seed=seed)
        return Stylist(generator, exact(generator), pyramid_distance, config, name="x").run().fingerprint
    assert learnt(1) == learnt(1) != learnt(2)


def test_detail_finer_than_small_style_pictures_stays(generator):
    faces = own_faces(generator, 4, seed=3)
    small = Lesson(F.avg_pool2d(drawn_style(generator.draw(faces.ws)), 4), faces, is_exact=True)
    moved = []
    for fine in (0.0, 20.0):
        config = StyliseConfig(steps=15, rate=0.02, fine=fine)
        copy = Stylist(generator, small, pyramid_distance, config, name="x").run()
        plain, styled = (one.draw(own_faces(generator, 4, seed=99).ws) for one in (generator, copy))
        detail = [x - F.interpolate(F.avg_pool2d(x, 4), 32, mode="bilinear") for x in (plain, styled)]
        moved.append((detail[0] - detail[1]).abs().mean())
    assert moved[1] < 0.8 * moved[0]


class Stop(Exception):
    pass


def test_a_stopped_stylist_has_what_was_learnt_and_another_goes_on(generator):
    def progress(done, total):
        assert total == 9
        if done == 4:
            raise Stop

    stylist = Stylist(generator, exact(generator), pyramid_distance, StyliseConfig(steps=9), name="ink")
    with pytest.raises(Stop):
        stylist.run(progress)
    copy = stylist.copy
    assert copy.provenance["stylised"] == {"from": "own faces", "pictures": 6, "steps": 4}
    assert not any(value.requires_grad for value in copy.parameters())
    again = Stylist(generator, exact(generator), pyramid_distance, StyliseConfig(steps=1), name="more", start=copy)
    assert torch.equal(again.copy.module.synthesis.b4.const, copy.module.synthesis.b4.const)
    assert again.run().lineage.ancestry == (copy.fingerprint, generator.fingerprint)


def test_what_does_not_belong_is_refused(generator):
    stranger = StyleGAN2Generator.untrained(FLAT, seed=8, name="stranger")
    with pytest.raises(InputError, match="'stranger'.*'stylegan2'"):
        Stylist(generator, exact(stranger), pyramid_distance, name="x")
    with pytest.raises(InputError, match="'stranger'.*'stylegan2'"):
        Stylist(generator, exact(generator), pyramid_distance, name="x", start=stranger)
    with pytest.raises(InputError, match="2 style pictures.*3 faces"):
        Lesson(torch.zeros(2, 3, 32, 32), own_faces(generator, 3), is_exact=True)


def test_texture_sees_patches_and_where_they_are():
    rng = torch.Generator().manual_seed(0)
    smooth = F.interpolate(torch.rand(2, 3, 4, 4, generator=rng) - 0.5, 64, mode="bilinear")
    rough = smooth + 0.3 * torch.randn(2, 3, 64, 64, generator=rng)
    assert texture_distance(smooth, smooth, seeded(1)) == 0
    assert texture_distance(rough, smooth, seeded(1)) > 0.05
    halves = torch.cat([torch.ones(1, 3, 64, 32), -torch.ones(1, 3, 64, 32)], 3)
    assert texture_distance(halves, halves.flip(3), seeded(1)) > 0.05      # the same patches at other places


def test_structure_takes_no_notice_of_colours_and_sees_moved_parts():
    rng = torch.Generator().manual_seed(0)
    picture = F.interpolate(torch.rand(1, 3, 8, 8, generator=rng) - 0.5, 64, mode="bilinear")
    recoloured = (-0.5 * picture + 0.2).flip(1)
    assert structure_distance(recoloured, picture, seeded(1)) < 1e-5
    assert structure_distance(picture.roll(16, 3), picture, seeded(1)) > 0.1
