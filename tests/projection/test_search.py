"""The search for latents: nearer with every step, nothing outside the mask, and what was found survives a stop."""

import dataclasses

import pytest
import torch

from ddgi.cameras import Camera
from ddgi.errors import InputError
from ddgi.gan import EG3DConfig, EG3DGenerator, RenderingConfig, StyleGAN2Config, StyleGAN2Generator
from ddgi.perceptual import pyramid_distance
from ddgi.projection import ProjectionConfig, Search, Target
from ddgi.projection.pose import Pose

FLAT = StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=16, channel_base=256, channel_max=16, num_mapping_layers=2)
SOLID = EG3DConfig(
    StyleGAN2Config(z_dim=8, c_dim=25, w_dim=8, img_resolution=16, img_channels=12, channel_base=128, channel_max=8,
                    num_mapping_layers=2),
    img_resolution=16, neural_rendering_resolution=8, feature_channels=4, decoder_width=8, sr_kind="2X",
    sr_input_resolution=8, sr_channels=(8, 8), rendering=RenderingConfig(depth_resolution=6,
                                                                        depth_resolution_importance=6))


@pytest.fixture(scope="module")
def generator():
    return StyleGAN2Generator.untrained(FLAT, name="tiny")


@pytest.fixture(scope="module")
def target(generator):
    """Two pictures that the generator can draw."""
    ws = generator.map(torch.randn(2, 8, generator=torch.Generator().manual_seed(4)))
    return Target(generator.render(ws).image)


def search(generator, target, steps=40, **settings):
    extra = {key: settings.pop(key) for key in ("start", "turn") if key in settings}
    config = ProjectionConfig(steps=steps, **settings)
    return Search(generator, target, pyramid_distance, config, **extra)


def distance_of(generator, latent, target):
    shown = generator.render(latent).image
    return pyramid_distance(shown, target.pictures) + (shown - target.pictures).square().mean((1, 2, 3))


def test_pictures_of_the_generator_are_found(generator, target):
    mean = distance_of(generator, generator.latent(generator.w_avg.expand(2, 6, -1)), target)
    latent = search(generator, target, 20, home=0.0, batch=2, rate=0.3).run()
    assert (distance_of(generator, latent, target) < 0.6 * mean).all()


def test_w_has_one_vector_for_all_layers_and_both_begins_so(generator, target):
    single = search(generator, target, 3, space="w", batch=2).run().ws
    assert torch.equal(single, single[:, :1].expand_as(single))
    both = search(generator, target, 6, space="both", batch=2, jitter=0.0).run().ws
    assert not torch.equal(both, both[:, :1].expand_as(both))


def test_the_nearest_is_kept_whatever_comes_after(generator, target):
    """From the fifth step on the pictures are far away by decree: what is given is the nearest of the first four."""
    seen = []

    def distance(a, b):
        seen.append(pyramid_distance(a, b) + 10 * (len(seen) >= 4))
        return seen[-1]

    config = ProjectionConfig(steps=6, batch=2, pixel=0.0)
    latent = Search(generator, target, distance, config).run()
    nearest = torch.stack(seen[:4]).amin(0)
    assert latent.record["distances"] == pytest.approx(nearest.tolist(), abs=1e-5)
    torch.testing.assert_close(pyramid_distance(generator.render(latent).image, target.pictures), nearest, atol=1e-5,
                               rtol=1e-4)


def test_a_picture_does_not_depend_on_those_beside_it(generator, target):
    """The first step, where sums in another order have not been enlarged yet."""
    together = search(generator, target, 1, batch=2, jitter=1.0).run().ws
    apart = search(generator, target, 1, batch=1, jitter=1.0).run().ws
    assert torch.equal(together, apart) and not torch.equal(together, generator.w_avg.expand(2, 6, -1))


def test_nothing_outside_the_mask_counts(generator, target):
    mask = torch.zeros(2, 1, 16, 16)
    mask[..., 4:12, 4:12] = 1
    painted = torch.where(mask.bool(), target.pictures, torch.ones_like(target.pictures))
    first = search(generator, Target(target.pictures, mask), 10).run()
    second = search(generator, Target(painted, mask), 10).run()
    assert torch.equal(first.ws, second.ws)


class Stop(Exception):
    pass


def test_a_stopped_search_keeps_what_it_found(generator, target):
    running = search(generator, target, 10)

    def progress(done, total, pictures):
        assert total == 20
        if done == 13:
            raise Stop

    with pytest.raises(Stop):
        running.run(progress)
    latent = running.best()
    assert len(latent.ws) == 2 and latent.lineage == generator.lineage
    assert torch.equal(latent.ws[:1], search(generator, target, 10).run().ws[:1])
    with pytest.raises(InputError, match="before its first step"):
        search(generator, target).best()


def test_a_search_goes_on_from_a_face(generator, target):
    first = search(generator, target, 5, jitter=0.0, batch=2).run()
    again = search(generator, target, 1, jitter=0.0, start=first).run()
    assert again.record["distances"] == pytest.approx(first.record["distances"], abs=1e-4)
    stranger = dataclasses.replace(first, generator_fingerprint="12", generator_name="cousin")
    with pytest.raises(InputError, match="'cousin'.*'tiny'"):
        search(generator, target, start=stranger)


def test_what_cannot_be_searched_is_refused(generator, target):
    with pytest.raises(InputError, match="2D"):
        search(generator, target, turn=True)
    with pytest.raises(InputError, match=r"\[3, 8, 8\].*\[3, 16, 16\]"):
        search(generator, Target(torch.zeros(1, 3, 8, 8)))
    with pytest.raises(InputError, match="space"):
        ProjectionConfig(space="z")


@pytest.fixture(scope="module")
def solid():
    return EG3DGenerator.untrained(SOLID, name="tiny3d")


def test_a_pose_is_the_generators_own_camera(solid):
    start = dataclasses.replace(solid.latent(solid.w_avg.expand(1, 6, -1)), camera=solid.camera(10.0, -5.0).label)
    pose = Pose.of(solid, start, slice(0, 1))
    torch.testing.assert_close(pose.labels(), start.camera, atol=1e-5, rtol=1e-5)
    with torch.no_grad():
        pose.angles += torch.deg2rad(torch.tensor([[5.0, 3.0]])) / 0.2
    torch.testing.assert_close(pose.labels().detach(), solid.camera(15.0, -2.0).label, atol=1e-5, rtol=1e-5)


def test_the_camera_is_searched_too(solid):
    """A head whose latent is known, seen from 12 degrees aside: the search begins at the front and comes nearer."""
    ws = solid.map(torch.randn(1, 8, generator=torch.Generator().manual_seed(0)))
    target = Target(solid.render(ws, solid.camera(yaw=12.0)).image)
    latent = search(solid, target, 25, turn=True, start=solid.latent(ws), jitter=0.0, home=0.0, rate=0.05).run()
    front = search(solid, target, 1, start=solid.latent(ws), jitter=0.0).run()
    assert latent.record["distances"][0] < 0.7 * front.record["distances"][0] and front.camera is None
    assert float(Camera(latent.camera).yaw) > 1
