"""The views benchmark: what it counts and reports; never how long things take."""

import pytest
import torch

from ddgi.benchmark.generators import EG3D_CONFIGS
from ddgi.benchmark.views import RenderTimes, time_views, view_costs
from ddgi.errors import InputError
from ddgi.gan import EG3DConfig, EG3DGenerator, RenderingConfig, StyleGAN2Config

TINY = EG3DConfig(
    StyleGAN2Config(z_dim=8, c_dim=25, w_dim=8, img_resolution=16, img_channels=12, channel_base=64, channel_max=8,
                    num_mapping_layers=2),
    img_resolution=16, neural_rendering_resolution=16, feature_channels=4, decoder_width=8, sr_kind="2X",
    sr_input_resolution=8, sr_channels=(8, 4),
    rendering=RenderingConfig(depth_resolution=6, depth_resolution_importance=6))
KEYS = {"seconds", "ratio", "ceiling_share", "peak_mib"}


@pytest.fixture(scope="module")
def generator():
    return EG3DGenerator.untrained(TINY)


def test_planes_are_computed_once_for_all_views(generator):
    run = time_views(RenderTimes(generator), 5, 0, {"memory_mib": 64})
    assert run["calls"] == {"planes": 1, "rays": 5, "superresolution": 5} and len(run["later"]) == 4


def test_hooks_are_gone_after_a_run(generator):
    time_views(RenderTimes(generator), 1, 0, {})
    for network in (generator.module.backbone.synthesis, generator.module.superresolution):
        assert not network._forward_hooks and not network._forward_pre_hooks


def test_rays_in_chunks_give_the_same_picture(generator):
    ws = torch.randn(1, TINY.num_ws, TINY.w_dim, generator=torch.Generator().manual_seed(1))
    passes = []
    hook = generator.module.decoder.register_forward_hook(lambda *_: passes.append(1))
    whole = generator.render(ws, generator.camera())
    in_one = len(passes)
    chunked = generator.render(ws, generator.camera(), memory_mib=1e-3)       # the smallest chunk, 64 rays
    hook.remove()
    assert len(passes) - in_one == 4 * in_one                                       # 16 x 16 rays, 64 a pass
    for name in ("image", "image_raw", "image_depth", "image_alpha"):
        # The same sums over other tensor sizes: fp32 rounding.
        torch.testing.assert_close(getattr(chunked, name), getattr(whole, name), atol=1e-5, rtol=0)


def test_the_result_has_a_case_for_each_stage_and_count(generator):
    result = view_costs(generator, (1, 3), memory_mib=32)
    assert result.keys() == {"planes", "rays", "superresolution", "later_view", "1_view", "3_views"}
    assert all(case.keys() >= KEYS and case["memory_mib"] == 32 for case in result.values())
    assert result["3_views"]["planes_computed"] == 1
    assert 0 < result["later_view"]["ceiling_share"] < result["3_views"]["ceiling_share"] < 1


def test_no_views_are_refused(generator):
    with pytest.raises(InputError, match="at least 1"):
        view_costs(generator, (0,))


def test_the_full_size_is_that_of_the_public_file():
    generator = EG3DGenerator.untrained(EG3D_CONFIGS["ffhq"])
    assert sum(p.numel() for p in generator.parameters()) == 30_662_136
