"""What M and T cost, at the sizes of the demo models and of Stable Diffusion 1.5 with StyleGAN2 of 1024 px."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch

from ..bridge import Bridge, BridgeConfig, BridgeSizes, bridge_inputs, read_config
from ..demo import files
from ..features import DiffusionFeatures, FeatureLayout, StageLayout, StepFeatures
from ..gan import StyleGAN2Config, StyleGAN2Generator
from ..seeds import seeded
from .ratios import REPEATS, measure

SD15_LAYOUT = FeatureLayout("sd1", 1280, tuple(StageLayout(channels, downsample, attention_layers=3)
                                               for channels, downsample in ((1280, 4), (640, 2), (320, 1))),
                            latent_size=(64, 64), context_channels=768)
TOKENS = 77


def bridge_configs(demo: Path) -> dict[str, BridgeConfig]:
    """Of the demo's bridge and of one for Stable Diffusion 1.5, by name.

    Raises:
        InputError: the demo's file is missing or broken.
    """
    sizes, generator = BridgeSizes(), StyleGAN2Generator.untrained(StyleGAN2Config())
    step = random_features(SD15_LAYOUT, middle=8, side=64).steps[0]
    return {"demo": read_config(demo / files.BRIDGE), "sd15": BridgeConfig.between(SD15_LAYOUT, step, generator, sizes)}


def random_features(layout: FeatureLayout, middle: int, side: int, batch: int = 1) -> DiffusionFeatures:
    """One step of noise; middle, side: of the middle block's map and of the latent, in pixels."""
    rng = seeded(0)

    def maps(channels: int | None = None) -> tuple[torch.Tensor, ...]:
        return tuple(torch.rand(batch, channels or stage.channels, side // stage.downsample, side // stage.downsample,
                                generator=rng) for stage in layout.stages)

    h = torch.rand(batch, layout.middle_channels, middle, middle, generator=rng)
    step = StepFeatures(0, 999.0, 14.6, h, maps(), maps(), maps(TOKENS), maps(TOKENS))
    return DiffusionFeatures(layout, (step,), torch.ones(batch, TOKENS, dtype=torch.bool))


@torch.inference_mode()
def bridge_costs(configs: Mapping[str, BridgeConfig], *, device: torch.device, repeats: int = REPEATS,
                 report: Callable[[str], None] = lambda line: None) -> dict[str, dict]:
    """{"<name>_m", "<name>_t", "<name>_latent": the dict of `measure`}: M, T, and all from features to latent."""
    cases = {}
    for name, config in configs.items():
        report(f"bridge of {name}, {repeats} times")
        bridge, layout = Bridge(config).to(device).eval(), config.layout
        side = config.map_size * min(stage.downsample for stage in layout.stages)
        features = random_features(layout, config.middle_size, side).to(device)
        inputs = bridge_inputs(features.steps[0], features.words, config)
        for part, call in (("m", partial(bridge.mapping, inputs)), ("t", partial(bridge.modulation, inputs)),
                           ("latent", partial(bridge, features))):
            cases[f"{name}_{part}"] = measure(call, device, repeats=repeats)
    return cases
