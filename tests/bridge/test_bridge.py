"""The bridge: w = w_m * w_gamma + w_beta, its step choices, its file and what it refuses."""

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from ddgi.bridge import Bridge, BridgeConfig, bridge_inputs, load_bridge
from ddgi.errors import InputError
from ddgi.features import DiffusionFeatures, FeatureLayout, StageLayout, StepFeatures
from ddgi.files import save_tensors

STAGES = (StageLayout(12, 4, (0, 1), 2), StageLayout(8, 2, (2, 3), 2), StageLayout(4, 1, (4, 5), 2))
LAYOUT = FeatureLayout("custom", 12, STAGES, (8, 8), 16)
CONFIG = BridgeConfig.for_layout(
    LAYOUT, middle_size=2, map_size=8, num_ws=6, w_dim=16,
    mapping_channels=(16,), modulation_channels=8, head_channels=(8, 8, 8), attention_source="output",
    refinement="both", generator_fingerprint="0123456789abcdef", generator_name="tiny")
LAYOUT_FIELDS = ("family", "middle_channels", "stage_channels", "stage_downsample", "stage_attention_layers",
                 "context_channels")
NEWER_FIELDS = ("stage_downsample", "stage_attention_layers", "context_channels", "timestep_channels")


def step_features(step=0, batch=2, height=8, width=8, tokens=5, seed=0) -> StepFeatures:
    g = torch.Generator().manual_seed(seed * 101 + step)
    sizes = [(s.channels, height // s.downsample, width // s.downsample) for s in STAGES]

    def maps(channels=None):
        return tuple(torch.randn(batch, channels or c, h, w, generator=g) for c, h, w in sizes)

    middle = torch.randn(batch, 12, height // 4, width // 4, generator=g)
    return StepFeatures(step, 999.0 - step, 1.0, middle, maps(), maps(), tuple(m.softmax(1) for m in maps(tokens)),
                        tuple(m.sigmoid() for m in maps(tokens)))


def features(steps=1, batch=2, **kwargs) -> DiffusionFeatures:
    words = torch.tensor([[False, True, True, False, False]]).expand(batch, -1)
    return DiffusionFeatures(LAYOUT, [step_features(i, batch, **kwargs) for i in range(steps)], words)


@pytest.fixture
def bridge() -> Bridge:
    """Random weights everywhere, T's zero-initialised heads included."""
    torch.manual_seed(0)
    bridge = Bridge(CONFIG).eval().requires_grad_(False)
    for head in (bridge.modulation.gamma_head, bridge.modulation.beta_head):
        torch.nn.init.normal_(head.linear.weight)
    bridge.mapping.w_avg.normal_()
    return bridge


def test_t_starts_as_the_identity_on_w_m():
    torch.manual_seed(0)
    fresh = Bridge(CONFIG).requires_grad_(False)
    given = features()
    inputs = bridge_inputs(given.steps[0], given.words, CONFIG)
    assert torch.equal(fresh(given).ws, fresh.mapping(inputs))


def test_the_latent_is_w_m_times_gamma_plus_beta(bridge):
    given = features()
    w_m, w_gamma, w_beta = bridge.styles(bridge_inputs(given.steps[0], given.words, CONFIG))
    assert torch.allclose(bridge(given).ws, w_m * w_gamma + w_beta, atol=1e-6)  # one fp32 rounding of order
    assert not torch.allclose(w_gamma, torch.ones_like(w_gamma), atol=0.01)


def test_zero_strengths_leave_m_alone(bridge):
    given = features()
    w_m = bridge.mapping(bridge_inputs(given.steps[0], given.words, CONFIG))
    assert torch.equal(bridge(given, gamma=0.0, beta=0.0).ws, w_m)


def test_truncation_zero_is_the_mean_latent(bridge):
    ws = bridge(features(), truncation_psi=0.0).ws
    assert torch.equal(ws, bridge.mapping.w_avg.expand_as(ws))


def test_a_batch_equals_its_singles(bridge):
    given = features(batch=3)
    whole = bridge(given).ws
    for row in range(3):
        one = dataclasses.replace(given, words=given.words[row:row + 1],
                                  steps=[s.apply(lambda t, r=row: t[r:r + 1]) for s in given.steps])
        # Convolutions may pick another algorithm for another batch size: fp32 rounding only.
        assert torch.allclose(bridge(one).ws, whole[row:row + 1], atol=1e-5)


def test_mean_and_schedule_refuse_the_only_step_that_was_kept(bridge):
    given = features(steps=3)
    last = dataclasses.replace(given, steps=given.steps[-1:])
    for choice in ("mean", "schedule"):
        with pytest.raises(InputError, match="set capture_steps of the sampler or tap to all"):
            bridge(last, step=choice)
    first = dataclasses.replace(given, steps=(dataclasses.replace(given.steps[0], step=0),))      # a single pass
    assert torch.equal(bridge(first, step="mean").ws, bridge(first).ws)


def test_mean_and_schedule_combine_the_steps(bridge):
    given = features(steps=3)
    singles = [bridge(given, step=i).ws for i in range(3)]
    assert torch.allclose(bridge(given, step="mean").ws, torch.stack(singles).mean(0), atol=1e-6)
    scheduled = bridge(given, step="schedule").ws
    # Six layers over three steps, coarse layers from late steps: 2 2 1 1 0 0 (shares 1, .8, .6, .4, .2, 0 of 2).
    for layer, step in enumerate((2, 2, 1, 1, 0, 0)):
        assert torch.equal(scheduled[:, layer], singles[step][:, layer])


def test_a_step_that_was_not_captured_is_refused(bridge):
    with pytest.raises(InputError, match="step 7 was asked for, but the features hold steps 0, 1"):
        bridge(features(steps=2), step=7)


SD_STAGES = tuple(StageLayout(c, d, (n,), 3) for n, (c, d) in enumerate(((1280, 4), (640, 2), (320, 1))))


@pytest.mark.parametrize("trained, shown", [
    (("sd1", 768), ("sd2", 1024)), (("sd2", 1024), ("sd1", 768)), (("custom", 768), ("custom", 1024)),
])
def test_features_of_another_unet_are_refused_though_all_channels_are_alike(trained, shown):
    of = lambda family, context: FeatureLayout(family, 1280, SD_STAGES, (64, 64), context)  # noqa: E731
    sizes = {key: value for key, value in CONFIG.to_json().items() if key not in LAYOUT_FIELDS}
    with torch.device("meta"):
        bridge = Bridge(BridgeConfig.for_layout(of(*trained), **sizes))
    bridge.config.check_layout(of(*trained).at((96, 64)))
    with pytest.raises(InputError, match=f"do not fit this bridge: .* {shown[0]}|{shown[1]} in the place of .*. Load"):
        bridge.config.check_layout(of(*shown))


def test_a_bridge_holds_the_layout_it_was_trained_for():
    stages = tuple(dataclasses.replace(stage, blocks=None) for stage in STAGES)
    assert CONFIG.layout == dataclasses.replace(LAYOUT, stages=stages, latent_size=None)
    with pytest.raises(InputError, match="stage_downsample has 2 entries for 3 stages"):
        dataclasses.replace(CONFIG, stage_downsample=(4, 2))


def test_a_file_from_before_the_whole_layout_was_kept_is_read(bridge, tmp_path):
    config = {key: value for key, value in CONFIG.to_json().items() if key not in NEWER_FIELDS}
    save_tensors(tmp_path / "b.safetensors", bridge.state_dict(), format="ddgi.bridge", config=config)
    old = load_bridge(tmp_path / "b.safetensors")
    assert torch.equal(old(features()).ws, bridge(features()).ws)
    assert old.config.layout.context_channels is None
    with pytest.raises(InputError, match="decoder channels"):
        old.config.check_layout(dataclasses.replace(LAYOUT, stages=STAGES[:2]))


@pytest.mark.parametrize("height, width", [(12, 8), (8, 16)])
def test_any_aspect_gives_latents(bridge, height, width):
    ws = bridge(features(height=height, width=width)).ws
    assert ws.shape == (2, 6, 16) and ws.isfinite().all()


def test_word_map_is_the_mean_over_the_prompts_words_and_stages():
    step = step_features(batch=1)
    words = torch.tensor([[False, True, True, False, False]])
    expected = torch.stack([F.interpolate(m[:, 1:3].mean(1, keepdim=True), size=(8, 8), mode="bilinear",
                                          align_corners=False) for m in step.word_mean]).mean(0)
    assert torch.allclose(bridge_inputs(step, words, CONFIG).words, expected, atol=1e-6)


def test_a_prompt_without_words_counts_all_tokens():
    step = step_features(batch=1)
    none = bridge_inputs(step, torch.zeros(1, 5, dtype=torch.bool), CONFIG)
    every = bridge_inputs(step, torch.ones(1, 5, dtype=torch.bool), CONFIG)
    assert torch.equal(none.words, every.words)


def test_probabilities_source_reads_one_channel_of_words():
    config = dataclasses.replace(CONFIG, attention_source="probabilities")
    step, words = step_features(batch=1), torch.tensor([[False, True, True, False, False]])
    inputs = bridge_inputs(step, words, config)
    assert all(torch.equal(a, m[:, 1:3].amax(1, keepdim=True)) for a, m in zip(inputs.attention, step.word_max))
    assert Bridge(config).latent(inputs).shape == (1, 6, 16)


@pytest.mark.parametrize("refinement", ["local", "global"])
def test_one_sided_refinement_ignores_the_other_side(refinement):
    torch.manual_seed(0)
    bridge = Bridge(dataclasses.replace(CONFIG, refinement=refinement)).requires_grad_(False)
    torch.nn.init.normal_(bridge.modulation.beta_head.linear.weight)
    step, words = step_features(), torch.ones(2, 5, dtype=torch.bool)
    inputs = bridge_inputs(step, words, CONFIG)
    changed = {"local": dataclasses.replace(inputs, words=inputs.words * 3),
               "global": dataclasses.replace(inputs, attention=tuple(a * 3 for a in inputs.attention))}
    same, other = changed[refinement], changed["global" if refinement == "local" else "local"]
    assert torch.equal(bridge.latent(inputs), bridge.latent(same))
    assert not torch.equal(bridge.latent(inputs), bridge.latent(other))


def test_blend_weights_choose_between_local_and_global(bridge):
    style = bridge.modulation.style
    local, whole = torch.randn(1, 24, 8, 8), torch.randn(1, 8, 8, 8)
    scale_local, scale_global = style.local_nets[0](local), style.global_nets[0](whole)
    style.alpha.data = torch.tensor([100.0, 0.0])
    scale, shift = style(local, whole)
    assert torch.allclose(scale, scale_local, atol=1e-6)
    style.alpha.data = torch.tensor([0.0, 0.0])
    assert torch.allclose(style(local, whole)[0], (scale_local + scale_global) / 2, atol=1e-6)


def test_a_saved_bridge_gives_the_same_latents(bridge, tmp_path):
    bridge.record = {"steps": 3}
    bridge.save(tmp_path / "bridge.safetensors")
    loaded = load_bridge(tmp_path / "bridge.safetensors")
    assert loaded.config == CONFIG and loaded.record == {"steps": 3}
    assert torch.equal(loaded(features()).ws, bridge(features()).ws)
    assert loaded(features()).generator_fingerprint == CONFIG.generator_fingerprint


def test_a_file_whose_weights_do_not_fit_its_config_is_refused(bridge, tmp_path):
    tensors = bridge.state_dict()
    tensors.pop("mapping.head.linear.bias")
    save_tensors(tmp_path / "b.safetensors", tensors, format="ddgi.bridge", config=CONFIG.to_json())
    with pytest.raises(InputError, match="b.safetensors: the bridge does not hold .*head.linear.bias. is miss"):
        load_bridge(tmp_path / "b.safetensors")


@pytest.mark.parametrize("change", [
    {"middle_channels": 10 ** 9}, {"num_ws": 10 ** 7}, {"stage_channels": [12, 8]}, {"timestep_channels": 8},
    {"modulation_channels": "wide"}, {"colour": "red"}, {"head_channels": 3},
], ids=str)
def test_a_config_that_does_not_fit_the_weights_builds_nothing(bridge, tmp_path, change, monkeypatch):
    config = {**CONFIG.to_json(), "stage_downsample": None, "stage_attention_layers": None, **change}
    save_tensors(tmp_path / "b.safetensors", bridge.state_dict(), format="ddgi.bridge", config=config)
    monkeypatch.setattr(Bridge, "load_state_dict", lambda *args: pytest.fail("it was built"))
    with pytest.raises(InputError, match="^b.safetensors"):
        load_bridge(tmp_path / "b.safetensors")


def test_a_generator_file_is_no_bridge(tmp_path):
    save_tensors(tmp_path / "g.safetensors", {"x": torch.zeros(1)}, format="ddgi.stylegan2", config={})
    with pytest.raises(InputError, match="'ddgi.stylegan2' file but a 'ddgi.bridge' file is needed"):
        load_bridge(tmp_path / "g.safetensors")


@pytest.mark.parametrize("change, message", [
    ({"attention_source": "values"}, "attention_source is 'values'"),
    ({"refinement": "none"}, "refinement is 'none'"),
    ({"head_channels": (8, 8)}, "head_channels has 2 entries for a map of side 8"),
    ({"timestep_channels": 7}, "timestep_channels is 7"),
    ({"num_ws": 0}, "num_ws is 0; it must be at least 1"),
    ({"stage_channels": (), "stage_downsample": (), "stage_attention_layers": ()}, "the number of stages is 0"),
    ({"head_channels": (8, -8, 8)}, "head_channels is -8; it must be at least 1"),
    ({"middle_channels": 10 ** 9}, "at most 8,192"),
])
def test_impossible_configs_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(CONFIG, **change)
