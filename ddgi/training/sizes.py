"""Sizes of a bridge between a diffusion model and a generator."""

from ..bridge import BridgeConfig
from ..features import FeatureLayout, StepFeatures
from ..gan import Generator
from .config import BridgeSizes


def bridge_config(layout: FeatureLayout, features: StepFeatures, generator: Generator,
                  sizes: BridgeSizes) -> BridgeConfig:
    """The bridge for features like these; maps are read at their own size, or the next smaller power of two."""
    middle = _power_of_two(min(features.h.shape[-2:]))
    largest = _power_of_two(max(min(f.shape[-2:]) for f in features.f))
    return BridgeConfig.for_layout(
        layout, middle_size=middle, map_size=largest,
        num_ws=generator.config.num_ws, w_dim=generator.config.w_dim,
        mapping_channels=(sizes.mapping_width,) * (middle.bit_length() - 1),
        modulation_channels=sizes.modulation_width,
        head_channels=tuple(min(sizes.head_width, sizes.modulation_width * 2 ** level)
                            for level in range(largest.bit_length() - 1)),
        attention_source=sizes.attention_source, refinement=sizes.refinement,
        generator_fingerprint=generator.fingerprint, generator_name=generator.name)


def _power_of_two(side: int) -> int:
    return 1 << (side.bit_length() - 1)
