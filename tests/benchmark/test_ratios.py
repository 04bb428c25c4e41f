"""The benchmarks of pictures: both ways give one picture, and what is counted; never how long things take."""

import dataclasses
import subprocess
import sys

import pytest
import torch

from ddgi.benchmark import plain, ratios
from ddgi.benchmark.renders import eg3d_costs, half_costs, stylegan2_costs, stylegan3_costs
from ddgi.errors import InputError
from ddgi.gan import EG3DConfig, EG3DGenerator, StyleGAN2Config, StyleGAN2Generator
from ddgi.gan.stylegan3 import StyleGAN3Config, StyleGAN3Generator
from ddgi.seeds import seeded

CPU = torch.device("cpu")
FLAT = StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=32, channel_base=512, channel_max=32, num_mapping_layers=2,
                       conv_clamp=3.0)
HEAD = EG3DConfig(dataclasses.replace(FLAT, c_dim=25, img_channels=12), img_resolution=32,
                  neural_rendering_resolution=16, feature_channels=4, decoder_width=8, sr_kind="2X",
                  sr_input_resolution=16, sr_channels=(8, 4))
ALIAS_FREE = {
    "t": StyleGAN3Config(z_dim=8, w_dim=8, img_resolution=16, channel_base=128, channel_max=8, num_layers=5),
    "r": StyleGAN3Config(z_dim=8, w_dim=8, img_resolution=16, channel_base=128, channel_max=8, num_layers=5,
                         conv_kernel=1, use_radial_filters=True, conv_clamp=1.0)}


def latents(generator, batch):
    return torch.randn(batch, generator.config.num_ws, 8, generator=seeded(2))


# Rounding differs by the order of sums; 1/255 of the range is 0.008.
@pytest.mark.parametrize("batch", [1, 3])
@torch.inference_mode()
def test_flat_pictures_are_those_of_the_formulas(batch, randomised):
    generator = randomised(StyleGAN2Generator.untrained(FLAT))
    ws = latents(generator, batch)
    torch.testing.assert_close(generator.module.synthesis(ws), plain.stylegan2(generator.module.synthesis, ws),
                               rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ALIAS_FREE)
@torch.inference_mode()
def test_alias_free_pictures_are_those_of_the_formulas(kind, randomised):
    generator = randomised(StyleGAN3Generator.untrained(ALIAS_FREE[kind]))
    ws = latents(generator, 2)
    found = generator.module.synthesis(ws)
    assert found.std() > 0.01
    torch.testing.assert_close(found, plain.stylegan3(generator.module.synthesis, ws), rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_heads_are_those_of_the_formulas(randomised):
    generator = randomised(EG3DGenerator.untrained(HEAD))
    ws, label = latents(generator, 2), generator.camera(yaw=20.0).label
    planes = plain.eg3d_planes(generator.module, ws)
    torch.testing.assert_close(generator.planes(ws), planes, rtol=1e-4, atol=1e-4)
    found = generator.render_planes(planes, ws, label).image
    assert found.std() > 0.1
    torch.testing.assert_close(found, plain.eg3d_view(generator.module, planes, ws, label.expand(2, -1)), rtol=1e-3,
                               atol=1e-3)


def test_every_case_has_seconds_ratios_and_arithmetic():
    cases = stylegan2_costs([8, 16], 2, device=CPU, repeats=1) | eg3d_costs(EG3DGenerator.untrained(HEAD), repeats=2)
    cases |= stylegan3_costs(ALIAS_FREE, device=CPU, repeats=1)
    assert cases.keys() == {"8_px", "16_px", "t", "r", "planes", "rays", "first_view", "further_view"}
    for case in cases.values():
        assert case["ratio"] == case["plain_seconds"] / case["seconds"]
        assert case["ceiling_share"] == case["gflop"] / case["seconds"] / ratios.ceilings(CPU)["convolution_gflops"]


def test_half_precision_is_measured_beside_fp32_and_near_it():
    generator = StyleGAN2Generator.untrained(FLAT)
    case = half_costs({"flat": lambda: generator}, device=CPU, repeats=1)["flat_bf16"]
    ws = torch.randn(1, generator.config.num_ws, 8, generator=seeded(0))
    half, full = (generator.render(ws, dtype=dtype).image.clamp(-1, 1) for dtype in (torch.bfloat16, None))
    assert case["ratio"] == case["plain_seconds"] / case["seconds"]
    assert 0 < case["levels"] < 2                                   # the most that half precision may cost a picture
    assert case["levels"] == pytest.approx((half - full).abs().mean().item() * 127.5)


def test_arithmetic_is_counted_from_shapes():
    x = torch.zeros(1, 3, 10, 10)
    kernel = torch.zeros(5, 3, 3, 3)
    case = ratios.compare(lambda: torch.conv2d(x, kernel), lambda: None, CPU, repeats=1)
    assert case["gflop"] == pytest.approx(2 * 5 * 3 * 9 * 64 / 1e9)


def test_the_work_of_others_is_a_share_of_all_processors(monkeypatch):
    readings = iter([(100, 1000, 40), (180, 1200, 70)])
    monkeypatch.setattr(ratios, "_processor_seconds", lambda: next(readings))
    assert ratios.OtherWork().share() == (80 - 30) / 200


def test_children_that_have_ended_are_no_others(monkeypatch):
    before = ratios._processor_seconds()[2]
    subprocess.run([sys.executable, "-c", "sum(range(10 ** 7))"], check=True)
    assert ratios._processor_seconds()[2] > before + 5      # clock ticks


def test_a_busy_machine_is_told():
    assert ratios.warning(ratios.BUSY) is None and ratios.warning(None) is None
    assert "54% of this machine's computing time" in ratios.warning(0.54)


def test_no_repeat_is_refused():
    with pytest.raises(InputError, match="0 repeats .* at least 1"):
        ratios.compare(lambda: None, lambda: None, CPU, repeats=0)
