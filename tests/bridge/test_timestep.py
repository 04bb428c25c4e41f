"""M and T may read the denoising step; a bridge without that input is exactly what it was."""

import dataclasses

import pytest
import torch

from ddgi.bridge import Bridge, bridge_inputs, load_bridge
from ddgi.bridge.layers import embed_timestep

from .test_bridge import CONFIG, features

TIMED = dataclasses.replace(CONFIG, timestep_channels=8)
HEADS = ("mapping.head", "modulation.gamma_head", "modulation.beta_head")


def at(timestep, batch=2):
    """Inputs of one pass at a step given as one number or one for each row."""
    given = features(batch=batch)
    return bridge_inputs(dataclasses.replace(given.steps[0], timestep=timestep), given.words, CONFIG)


@pytest.fixture
def timed() -> Bridge:
    """Random weights in all that begins at zero."""
    torch.manual_seed(0)
    bridge = Bridge(TIMED).eval().requires_grad_(False)
    for name in HEADS:
        head = bridge.get_submodule(name)
        torch.nn.init.normal_(head.linear.weight)
        torch.nn.init.normal_(head.timestep.second.weight)
    return bridge


def test_a_bridge_without_it_has_no_weights_for_it_and_ignores_the_step():
    torch.manual_seed(0)
    bridge = Bridge(CONFIG).requires_grad_(False)
    assert not [name for name in bridge.state_dict() if "timestep" in name]
    assert torch.equal(bridge.latent(at(0.0)), bridge.latent(at(900.0)))


def test_it_begins_as_the_bridge_without_it():
    torch.manual_seed(0)
    plain, timed = Bridge(CONFIG).requires_grad_(False), Bridge(TIMED).requires_grad_(False)
    timed.load_state_dict(plain.state_dict(), strict=False)
    assert torch.equal(timed.latent(at(321.0)), plain.latent(at(321.0)))


@pytest.mark.parametrize("part", range(3), ids=["w_m", "w_gamma", "w_beta"])
def test_each_of_the_three_heads_reads_it(timed, part):
    early, late = (timed.styles(at(t))[part] for t in (900.0, 10.0))
    assert not torch.allclose(early, late, atol=1e-3)


def test_each_row_has_its_own_step(timed):
    both = timed.latent(at(torch.tensor([900.0, 10.0])))
    assert torch.allclose(both[:1], timed.latent(at(900.0))[:1], atol=1e-5)  # other batch size: fp32 rounding
    assert torch.allclose(both[1:], timed.latent(at(10.0))[1:], atol=1e-5)


def test_it_comes_back_from_its_file(timed, tmp_path):
    timed.save(tmp_path / "b.safetensors")
    loaded = load_bridge(tmp_path / "b.safetensors")
    assert loaded.config == TIMED
    assert torch.equal(loaded(features()).ws, timed(features()).ws)


def test_the_embedding_by_hand():
    # four channels: periods 1 and 10000 ** (1/2) = 100, cosines first
    expected = torch.tensor([[0.0, 0.0], [3.0, 0.03]])
    expected = torch.cat([expected.cos(), expected.sin()], dim=1)
    assert torch.allclose(embed_timestep(torch.tensor([0.0, 3.0]), 4), expected, atol=1e-6)


def test_half_precision_of_the_maps_leaves_the_step_as_it_is():
    moved = at(751.25).to("cpu", torch.float16)
    assert moved.h.dtype == torch.float16
    assert moved.timestep.tolist() == [751.25, 751.25]
