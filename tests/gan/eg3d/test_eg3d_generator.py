"""Views of a tiny EG3D: planes shared, chunks and batches exact, bad input refused."""

import json

import pytest
import torch

from ddgi.cameras import look_at_label
from ddgi.errors import InputError
from ddgi.fields import from_json, to_json
from ddgi.gan import EG3DConfig, GanLatent, RenderingConfig
from ddgi.gan.eg3d.march import expected_depth, interval_weights

NAMES = ("image", "image_raw", "image_depth", "image_alpha")


@pytest.fixture(scope="module")
def cameras():
    return look_at_label(torch.tensor([-0.4, 0.0, 0.5]), torch.zeros(3))


def assert_equal(a, b, tolerance=0.0):
    for name in NAMES:
        assert (getattr(a, name) - getattr(b, name)).abs().max() <= tolerance


def test_shapes_are_latents_times_cameras(generator, ws, cameras):
    out = generator.render(ws, cameras)
    assert out.image.shape == (6, 3, 16, 16)
    assert out.image_raw.shape == (6, 3, 8, 8)
    assert out.image_depth.shape == out.image_alpha.shape == (6, 1, 8, 8)
    assert generator.render(ws, cameras, neural_rendering_resolution=12).image_raw.shape == (6, 3, 12, 12)
    assert (out.image[0] - out.image[2]).abs().max() > 0.01         # the view matters
    assert (out.image[0] - out.image[3]).abs().max() > 0.01         # and so does the head


def test_planes_are_computed_once_for_each_latent(generator, ws, cameras):
    calls = []
    hook = generator.module.backbone.synthesis.register_forward_hook(lambda *_: calls.append(1))
    generator.render(ws, cameras)
    hook.remove()
    assert len(calls) == len(ws)


def test_batch_equals_singles(generator, ws, cameras):
    out = generator.render(ws, cameras)
    single = generator.render(ws[1:], cameras[2:])
    for name in NAMES:
        assert torch.equal(getattr(out, name)[5:], getattr(single, name))


@pytest.mark.parametrize("deterministic", [True, False])
def test_chunks_change_nothing(generator, ws, cameras, deterministic):
    whole = generator.render(ws, cameras, deterministic=deterministic, neural_rendering_resolution=16)
    small = generator.render(ws, cameras, deterministic=deterministic, neural_rendering_resolution=16, memory_mib=0.01)
    # Matrix products of another width round differently.
    assert_equal(whole, small, 1e-5)


def test_jitter_is_seeded(generator, ws, cameras):
    first = generator.render(ws, cameras, deterministic=False, seed=3)
    assert_equal(first, generator.render(ws, cameras, deterministic=False, seed=3))
    other = generator.render(ws, cameras, deterministic=False, seed=40)
    assert (first.image - other.image).abs().max() > 1e-4


def test_camera_of_the_latent_is_used_else_the_front(generator, ws, cameras):
    mine = generator.render(GanLatent(ws, generator.fingerprint, generator.name, cameras[:2]))
    assert torch.equal(mine.image[1], generator.render(ws[1:], cameras[1:2]).image[0])
    front = generator.render(ws)
    assert torch.equal(front.image, generator.render(ws, generator.camera()).image)


def test_query_agrees_with_the_renderer_on_density(generator, ws):
    planes = generator.planes(ws)
    points = torch.rand(2, 50, 3, generator=torch.Generator().manual_seed(2)) - 0.5
    density, colours = generator.query(planes, points)
    with torch.no_grad():
        raw, _ = generator.module.field(planes)(points)
    assert torch.equal(density, torch.nn.functional.softplus(raw - 1))
    assert colours.shape == (2, 3, 50)
    assert 0 <= colours.min() <= colours.max() <= 1


def test_progress_counts_views_and_may_stop(generator, ws, cameras):
    seen = []
    generator.render(ws, cameras, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i, 6) for i in range(1, 7)]

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt
        seen.append(done)

    seen.clear()
    with pytest.raises(KeyboardInterrupt):
        generator.render(ws, cameras, progress=stop)
    assert seen == [1]


def test_a_2d_latent_is_refused_with_both_names(generator):
    latent = GanLatent(torch.zeros(1, 6, 8), "abc", "ffhq2d")
    with pytest.raises(InputError, match="'ffhq2d'.*'tiny3d'"):
        generator.render(latent)


@pytest.mark.parametrize("options", [{"memory_mib": 0}, {"memory_mib": float("nan")},
                                     {"neural_rendering_resolution": 2}, {"dtype": torch.int8}, {"seed": [1]}])
def test_bad_options_are_refused(generator, ws, options):
    with pytest.raises(InputError):
        generator.render(ws, **options)


@pytest.mark.parametrize("changes", [{"plane_axes": "zz"}, {"ray_start": 3.0, "ray_end": 2.0}, {"ray_start": None},
                                     {"depth_resolution": 1}, {"depth_resolution": 10**9}, {"box_warp": float("nan")}])
def test_bad_rendering_options_are_refused(changes):
    with pytest.raises(InputError):
        RenderingConfig(**changes)


def test_config_survives_json(generator):
    assert from_json(EG3DConfig, json.loads(json.dumps(to_json(generator.config))), "It") == generator.config
    with pytest.raises(InputError, match="newer pack"):
        from_json(EG3DConfig, to_json(generator.config) | {"later": 1}, "It")


def test_half_precision_stays_close(generator, ws, cameras):
    full = generator.render(ws, cameras).image
    half = generator.render(ws, cameras, dtype=torch.bfloat16).image
    # bf16 has 8 bits of mantissa; a few layers of it stay within a few percent of the range.
    assert 0 < (full - half).abs().max() < 0.06 * full.abs().max()


def test_empty_rays_have_finite_gradients():
    raw = torch.tensor([[[-200.0, -200, -200], [4, 5, 6]]], requires_grad=True)     # the first ray meets nothing
    depths = torch.tensor([2.3, 2.7, 3.2]).expand(1, 2, 3)
    weights = interval_weights(raw, depths)
    depth = expected_depth(weights, depths, torch.full((1, 1), 3.3))
    assert depth[0, 0].item() == pytest.approx(3.3)
    assert 2.3 < depth[0, 1].item() < 3.2
    depth.sum().backward()
    assert torch.isfinite(raw.grad).all()
    assert raw.grad[0, 1].abs().max() > 0
