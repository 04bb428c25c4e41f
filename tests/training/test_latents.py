"""What M and T are trained to give is what the bridge gives."""

import pytest
import torch

from ddgi.bridge import Bridge, BridgeConfig, BridgeInputs
from ddgi.training.bridge_trainer import latents_of

CONFIG = BridgeConfig(
    family="custom", middle_channels=4, middle_size=2, stage_channels=(4,), map_size=4, num_ws=3, w_dim=5,
    mapping_channels=(6,), modulation_channels=4, head_channels=(4, 4), attention_source="output", refinement="both",
    generator_fingerprint="f", generator_name="tiny")


@pytest.mark.parametrize("stage, strengths", [("mapping", (0.0, 0.0)), ("modulation", (1.0, 1.0))])
def test_latents_of_a_stage(stage, strengths):
    torch.manual_seed(0)
    bridge = Bridge(CONFIG).requires_grad_(False)
    for head in (bridge.modulation.gamma_head, bridge.modulation.beta_head):
        head.linear.weight.normal_()
    maps = torch.randn(2, 4, 4, 4)
    inputs = BridgeInputs(torch.randn(2, 4, 2, 2), (maps,), (maps.flip(0),), torch.rand(2, 1, 4, 4))
    found = latents_of(stage, bridge)(getattr(bridge, stage), inputs)
    assert torch.allclose(found, bridge.latent(inputs, *strengths), atol=1e-5)  # another order of the same sum
