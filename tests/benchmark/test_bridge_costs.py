"""The benchmark of M and T: what it measures; never how long things take."""

import torch

from ddgi.benchmark.bridge import SD15_LAYOUT, TOKENS, bridge_configs, bridge_costs
from ddgi.bridge import Bridge
from ddgi.runner.host import PACK_ROOT


def test_the_demo_s_bridge_is_measured_by_parts():
    config = bridge_configs(PACK_ROOT / "demo")["demo"]
    cases = bridge_costs({"demo": config}, device=torch.device("cpu"), repeats=1)
    assert cases.keys() == {"demo_m", "demo_t", "demo_latent"}
    parts = cases["demo_m"]["gflop"] + cases["demo_t"]["gflop"]
    assert 0 < parts <= cases["demo_latent"]["gflop"] < 1.1 * parts      # the rest: means over the prompt's words


def test_the_other_one_has_the_sizes_of_stable_diffusion_and_a_large_generator():
    config = bridge_configs(PACK_ROOT / "demo")["sd15"]
    assert (config.num_ws, config.w_dim, config.map_size, config.middle_size) == (18, 512, 64, 8)
    assert Bridge(config).config.layout.mismatch(SD15_LAYOUT) is None and TOKENS == 77
