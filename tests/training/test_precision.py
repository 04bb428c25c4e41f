"""Mixed precision and EG3D generators in the trainer, on toys."""

import json
import sys
from pathlib import Path

import pytest
import torch
from torch import autocast

from ddgi.errors import InputError
from ddgi.gan import EG3DConfig, EG3DGenerator, RenderingConfig, StyleGAN2Config
from ddgi.training.bridge_trainer import BridgeTrainer
from ddgi.training.data import GeneratorSamples, Hints
from ddgi.training.preflight import preflight
from ddgi.training.space import LatentSpace

sys.path.append(str(Path(__file__).parent))
import trainer_toys as toys  # noqa: E402

TINY_3D = EG3DConfig(
    StyleGAN2Config(z_dim=8, c_dim=25, w_dim=8, img_resolution=8, img_channels=12, channel_base=64, channel_max=8,
                    num_mapping_layers=2),
    img_resolution=16, neural_rendering_resolution=8, feature_channels=4, decoder_width=8, sr_kind="2X",
    sr_input_resolution=8, sr_channels=(8, 4),
    rendering=RenderingConfig(depth_resolution=6, depth_resolution_importance=6))
# Unit roundoff of bf16 is 2^-8 and of fp16 2^-11; a loss is a mean of squares of sums of a dozen rounded layers.
TOLERANCE = {"bf16": 0.03, "fp16": 0.005}


def curve(folder, stage):
    lines = [json.loads(line) for line in (folder / f"{stage}.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fp32")
    toys.trainer(folder, toys.config(log_every=1)).run()
    return {stage: curve(folder, stage) for stage in ("mapping", "modulation")}


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_learns_what_fp32_learns(tmp_path, full, precision):
    bridge = toys.trainer(tmp_path, toys.config(log_every=1, precision=precision)).run()
    assert all(v.isfinite().all() and v.dtype != torch.float16 for v in bridge.state_dict().values())
    for stage, losses in full.items():
        mixed = curve(tmp_path, stage)
        assert mixed != losses
        # Before the first step of M the weights are the same; later ones add up what steps have rounded.
        first = stage == "mapping"
        assert mixed[0] == pytest.approx(losses[0], rel=TOLERANCE[precision] * (1 if first else 5))
        assert mixed[-1] == pytest.approx(losses[-1], rel=TOLERANCE[precision] * 5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_under_autocast_the_generator_draws_as_it_does_for_users(dtype):
    generator = toys.generator()
    for name, parameter in generator.named_parameters():
        if name.endswith("affine.bias"):
            parameter.fill_(200.0)  # squared and summed over 8 channels and 9 taps this is beyond fp16
    space, ws = LatentSpace(generator), generator.map(torch.randn(2, 8))
    with autocast("cpu", dtype), torch.no_grad():
        drawn = space.draw(ws.to(dtype), None)
    expected = generator.render(ws.to(dtype).float(), dtype=dtype).image
    # One picture at a time takes the factors into the weights, which rounds elsewhere.
    scale = expected.abs().max()
    assert torch.allclose(drawn, expected, atol=8 * torch.finfo(dtype).eps * scale) and scale > 0.1


def test_a_step_that_does_not_fit_says_how_it_would(tmp_path, monkeypatch):
    trainer = toys.trainer(tmp_path)

    def full(ws, camera):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(trainer.space, "draw", full)
    with pytest.raises(InputError, match=r"A step of mapping with 4 pictures .*set batch = 2 and accumulate = 2 in"):
        preflight(trainer)


def test_the_report_before_training_is_of_the_precision_asked_for(tmp_path, monkeypatch):
    trainer, seen = toys.trainer(tmp_path, toys.config(precision="bf16")), []
    draw = trainer.space.draw
    monkeypatch.setattr(trainer.space, "draw",
                        lambda *args: seen.append(torch.is_autocast_enabled("cpu")) or draw(*args))
    preflight(trainer)
    assert seen and all(seen)


class Prompts:
    name, text = "toy", ""

    def draw(self, seed):
        return toys.WORDS[1 + seed % 2]


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    """A training with the samples of an EG3D generator, after both stages."""
    folder = tmp_path_factory.mktemp("3d")
    network = EG3DGenerator.untrained(TINY_3D)
    source = GeneratorSamples(network, Prompts(), range(12), 16, Hints(mask_share=0.0, size=16))
    before = {k: v.clone() for k, v in network.state_dict().items()}
    trainer = BridgeTrainer(toys.config(), source, toys.ToyEncoder(), network, folder)
    return trainer, trainer.run(), before


def test_a_bridge_is_trained_for_an_eg3d_generator(heads):
    trainer, bridge, before = heads
    generator = trainer.space.generator
    assert bridge.config.num_ws == generator.config.num_ws
    assert bridge.record["stages"]["modulation"]["step"] == 4
    assert all(torch.equal(v, before[k]) for k, v in generator.state_dict().items())
    assert all(p.grad is None for p in generator.parameters())


def test_each_picture_is_drawn_from_its_own_camera(heads):
    trainer, passes = heads[0], heads[0].passes("mapping")
    batch = passes.step(0, 3)
    labels = torch.stack([s.camera for s in passes.samples([passes.plan(n) for n in range(3)])])
    assert torch.equal(batch.camera, labels) and not torch.equal(labels[0], labels[1])
    with torch.no_grad():
        drawn = trainer.space.draw(batch.ws, batch.camera)
        turned = trainer.space.draw(batch.ws, batch.camera.flip(0))
    # The data's pictures of these latents, kept as bytes in -1..1: half a step of 2 / 255, beyond which they are cut.
    assert (drawn.clamp(-1, 1) - batch.true).abs().max() <= 1.01 / 255
    assert (turned.clamp(-1, 1) - batch.true).abs().max() > 2 / 255


def test_gradients_reach_the_latents_through_the_rays(heads):
    trainer = heads[0]
    batch = trainer.passes("mapping").step(0, 2)
    ws = batch.ws.clone().requires_grad_(True)
    trainer.space.draw(ws, batch.camera).square().mean().backward()
    planes_ws = TINY_3D.backbone.num_ws
    assert ws.grad.isfinite().all()
    assert (ws.grad[:, :planes_ws].abs().amax((0, 2)) > 0).all()
