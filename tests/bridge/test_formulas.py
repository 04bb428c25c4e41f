"""M, T and their sum against plain numpy in double precision, written from docs/method.md and from nothing else.

Each step of the method is a function here, in the page's order and with its words. The networks compute in single
precision: 1e-5 of the largest value is what rounding leaves.
"""

import dataclasses

import numpy as np
import pytest
import torch

from ddgi.bridge import Bridge, BridgeConfig, BridgeSizes, bridge_inputs
from ddgi.features import FeatureLayout, StageLayout, StepFeatures

SLOPE = 0.2
MAP_SIZE = 8
STAGES = ((12, 4), (8, 2), (4, 1))      # channels, latent size over the stage's size
LAYOUT = FeatureLayout("custom", 10, tuple(StageLayout(c, d, (n,), 2) for n, (c, d) in enumerate(STAGES)), (16, 12), 16)
CONFIG = BridgeConfig.for_layout(
    LAYOUT, middle_size=4, map_size=MAP_SIZE, num_ws=5, w_dim=6, mapping_channels=(9, 7), modulation_channels=6,
    head_channels=(7, 5, 8), attention_source="output", refinement="both", generator_fingerprint="f",
    generator_name="tiny")
WORDS = np.array([[False, True, True, False, True], [False, True, False, False, False]])


# What is given

def given(seed=0, batch=2) -> StepFeatures:
    """Features of a latent of 16 x 12, whose maps are never square and never zero in the mean."""
    rng = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=rng) * 1.7 + 0.6  # noqa: E731
    f = [draw(batch, c, 16 // d, 12 // d) for c, d in STAGES]
    attention = [draw(batch, c, 16 // d, 12 // d) for c, d in STAGES]
    mean, peak = ([draw(batch, 5, 16 // d, 12 // d).sigmoid() for _, d in STAGES] for _ in range(2))
    return StepFeatures(0, 437.0, 1.0, draw(batch, 10, 6, 5), f, attention, mean, peak)


def network(**changes) -> Bridge:
    """A bridge with random numbers in every weight and statistic, those that begin at 0 or 1 included."""
    bridge = Bridge(dataclasses.replace(CONFIG, **changes)).requires_grad_(False).eval()
    rng = torch.Generator().manual_seed(7)
    for name, value in bridge.state_dict().items():
        value.copy_(torch.randn(value.shape, generator=rng) * 0.5)
        if name.endswith("std"):
            value.copy_(value.abs() + 0.4)
    return bridge


def plain(tensor: torch.Tensor) -> np.ndarray:
    return tensor.double().numpy()


class Weights(dict):
    """The numbers of one part of a bridge, by their names below it."""

    @classmethod
    def read(cls, bridge: Bridge):
        return cls({name: plain(value) for name, value in bridge.state_dict().items()})

    def of(self, part):
        return Weights({name.removeprefix(f"{part}."): value for name, value in self.items()
                        if name.startswith(f"{part}.")})


# The method, step by step

def resized(maps, size):
    """[B, C, h, w] to [B, C, size, size]: bilinear, antialiased where it shrinks."""
    def matrix(before):
        ratio = max(before / size, 1.0)
        centres = (np.arange(size) + 0.5) * before / size - 0.5
        weights = np.clip(1 - np.abs(np.arange(before) - centres[:, None]) / ratio, 0, None)
        return weights / weights.sum(1, keepdims=True)

    return np.einsum("yh,bchw,xw->bcyx", matrix(maps.shape[2]), maps, matrix(maps.shape[3]))


def convolution(x, weight, bias, stride=1):
    """3 x 3 with padding 1, or 1 x 1."""
    side = weight.shape[-1]
    x = np.pad(x, ((0, 0), (0, 0), (side // 2,) * 2, (side // 2,) * 2))
    height, width = ((n - side) // stride + 1 for n in x.shape[2:])
    out = np.zeros((x.shape[0], weight.shape[0], height, width))
    for dy in range(side):
        for dx in range(side):
            seen = x[:, :, dy:dy + stride * height:stride, dx:dx + stride * width:stride]
            out += np.einsum("oc,bchw->bohw", weight[:, :, dy, dx], seen)
    return out + bias[:, None, None]


def leaky_relu(x):
    return np.where(x > 0, x, SLOPE * x)


def standardised(x, norm):
    return (x - norm["mean"][:, None, None]) / norm["std"][:, None, None]


def map2style(x, head, convolutions, timestep=None):
    for n in range(convolutions):
        x = leaky_relu(convolution(x, head[f"convs.{n}.weight"], head[f"convs.{n}.bias"], stride=2))
    assert x.shape[2:] == (1, 1)
    x = x[:, :, 0, 0]
    if timestep is not None:
        x = told_the_step(x, head.of("timestep"), timestep)
    weight = head["linear.weight"]
    styles = x @ weight.T / np.sqrt(weight.shape[1]) + head["linear.bias"]
    return styles.reshape(len(x), CONFIG.num_ws, CONFIG.w_dim)


def told_the_step(x, net, timestep):
    """x * (1 + scale(t)) + shift(t)."""
    channels = net["first.weight"].shape[1]
    angles = timestep / 10000 ** (2 * np.arange(channels // 2) / channels)
    hidden = leaky_relu(np.concatenate([np.cos(angles), np.sin(angles)]) @ net["first.weight"].T + net["first.bias"])
    both = hidden @ net["second.weight"].T / np.sqrt(channels) + net["second.bias"]
    scale, shift = np.split(both, 2)
    return x * (1 + scale) + shift


def mapping_network(h, m, timestep=None):
    """w^m = w_avg + map2style((h - mean) / std)."""
    return m["w_avg"] + map2style(standardised(resized(h, 4), m.of("norm")), m.of("head"), 2, timestep)


def word_average(maps, words):
    """[B, tokens, h, w] -> [B, 1, h, w], the mean over the prompt's words."""
    return np.stack([row[chosen].mean(0, keepdims=True) for row, chosen in zip(maps, words)])


def word_peak(maps, words):
    return np.stack([row[chosen].max(0, keepdims=True) for row, chosen in zip(maps, words)])


def modulation_maps(step, words, t, source="output", refinement="both"):
    """F^gamma and F^beta."""
    if source == "output":
        a = [plain(x) for x in step.attention]
    else:
        a = [word_peak(plain(x), words) for x in step.word_max]
    a_bar = sum(resized(word_average(plain(x), words), MAP_SIZE) for x in step.word_mean) / len(STAGES)
    f = [standardised(plain(x), t.of(f"feature_norms.{n}")) for n, x in enumerate(step.f)]
    a = [standardised(x, t.of(f"attention_norms.{n}")) for n, x in enumerate(a)]
    f_bar = sum(resized(convolution(x, t[f"projections.{n}.weight"], t[f"projections.{n}.bias"]), MAP_SIZE)
                for n, x in enumerate(f)) / len(STAGES)
    local = np.concatenate([resized(x, MAP_SIZE) * resized(y, MAP_SIZE) for x, y in zip(f, a)], axis=1)
    whole = f_bar * standardised(a_bar, t.of("word_norm"))

    def net(x, name):
        for layer in ("first", "second"):
            x = leaky_relu(convolution(x, t[f"style.{name}.{layer}.weight"], t[f"style.{name}.{layer}.bias"]))
        return x

    if refinement != "both":
        nets, x = ("local_nets", local) if refinement == "local" else ("global_nets", whole)
        return [net(x, f"{nets}.{n}") for n in range(2)]
    alphas = 1 / (1 + np.exp(-t["style.alpha"]))
    return [alpha * net(local, f"local_nets.{n}") + (1 - alpha) * net(whole, f"global_nets.{n}")
            for n, alpha in enumerate(alphas)]


def modulation(step, words, t, timestep=None, **choices):
    """(w^gamma, w^beta)."""
    scale, shift = modulation_maps(step, words, t, **choices)
    return map2style(scale, t.of("gamma_head"), 3, timestep), map2style(shift, t.of("beta_head"), 3, timestep)


# The networks against it

def close(found: torch.Tensor, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    assert np.abs(found.double().numpy() - expected).max() <= 1e-5 * np.abs(expected).max()


def inputs_of(step, config):
    return bridge_inputs(step, torch.from_numpy(WORDS), config)


@pytest.mark.parametrize("timed", [0, 8], ids=["", "told the step"])
@pytest.mark.parametrize("source", ["output", "probabilities"])
@pytest.mark.parametrize("refinement", ["both", "local", "global"])
def test_w_is_w_m_times_w_gamma_plus_w_beta(source, refinement, timed):
    bridge = network(attention_source=source, refinement=refinement, timestep_channels=timed)
    step, weights = given(), Weights.read(bridge)
    t = 437.0 if timed else None
    w_m = mapping_network(plain(step.h), weights.of("mapping"), t)
    w_gamma, w_beta = modulation(step, WORDS, weights.of("modulation"), t, source=source, refinement=refinement)
    inputs = inputs_of(step, bridge.config)
    for found, expected in zip(bridge.styles(inputs), (w_m, w_gamma, w_beta)):
        close(found, expected)
    close(bridge.latent(inputs), w_m * w_gamma + w_beta)
    close(bridge.latent(inputs, gamma=0.5, beta=0.25), w_m * (1 + 0.5 * (w_gamma - 1)) + 0.25 * w_beta)


def test_the_word_map_is_one_mean_over_words_and_stages():
    step = given()
    expected = np.mean([resized(word_average(plain(x), WORDS), MAP_SIZE) for x in step.word_mean], axis=0)
    close(inputs_of(step, CONFIG).words, expected)


def test_f_is_standardised_and_attention_is_scaled_alone():
    """Measured: mean and standard deviation of f and h; of A^n and A-bar the root mean square, and no mean."""
    bridge, step = network(), given(batch=2)
    inputs = inputs_of(step, CONFIG)
    bridge.modulation.measure(inputs)
    bridge.mapping.norm.measure(inputs.h)
    centred = [(bridge.mapping.norm, inputs.h), *zip(bridge.modulation.feature_norms, inputs.f)]
    scaled = [*zip(bridge.modulation.attention_norms, inputs.attention), (bridge.modulation.word_norm, inputs.words)]
    for norm, x in centred:
        close(norm.mean, plain(x).mean((0, 2, 3)))
        close(norm.std, plain(x).std((0, 2, 3)))
    for norm, x in scaled:
        assert not norm.mean.any()
        close(norm.std, np.sqrt((plain(x) ** 2).mean((0, 2, 3))))


def test_t_begins_as_the_identity():
    torch.manual_seed(0)
    bridge = Bridge(CONFIG).requires_grad_(False)
    gamma, beta = bridge.modulation(inputs_of(given(), CONFIG))
    assert torch.equal(gamma, torch.ones_like(gamma))
    assert torch.equal(beta, torch.zeros_like(beta))


def test_sizes_for_stable_diffusion_at_512_px():
    """512 wide down from 8 x 8 in M; min(512, 64 * 2 ** level) down from 64 x 64 in T's heads."""
    from types import SimpleNamespace

    stages = tuple(StageLayout(c, d, (n,), 3) for n, (c, d) in enumerate(((1280, 4), (640, 2), (320, 1))))
    layout = FeatureLayout("sd1", 1280, stages, (64, 64), 768)
    maps = [torch.empty(1, stage.channels, 64 // stage.downsample, 64 // stage.downsample) for stage in stages]
    features = StepFeatures(0, 0.0, 0.0, torch.empty(1, 1280, 8, 8), maps, maps, maps, maps)
    generator = SimpleNamespace(config=SimpleNamespace(num_ws=18, w_dim=512), fingerprint="f", name="ffhq")
    config = BridgeConfig.between(layout, features, generator, BridgeSizes())
    assert (config.middle_size, config.map_size, config.modulation_channels) == (8, 64, 64)
    assert config.mapping_channels == (512, 512, 512)
    assert config.head_channels == (64, 128, 256, 512, 512, 512)
    assert config.layout == dataclasses.replace(
        layout, latent_size=None, stages=tuple(dataclasses.replace(stage, blocks=None) for stage in stages))
