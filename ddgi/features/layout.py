"""Which parts of a Stable Diffusion U-Net are read, and how big they are.

`FeatureLayout` is the description that travels with features and bridges;
`find_taps` finds the modules themselves. Nothing here depends on a class of the
host: a U-Net is recognised by the attributes every LDM-style U-Net has
(`middle_block`, `output_blocks`, `out`, transformers with `transformer_blocks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch

from ..errors import InputError


@dataclass(frozen=True)
class StageLayout:
    """One decoder stage with cross-attention.

    channels: C_n of its features and of its attention output.
    downsample: latent size divided by the stage's size (1, 2, 4, ...).
    blocks: indices of its output blocks, in calling order.
    attention_layers: K, the number of cross-attention layers in it.
    """

    channels: int
    downsample: int
    blocks: tuple[int, ...]
    attention_layers: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", tuple(int(block) for block in self.blocks))
        if self.channels < 1 or self.downsample < 1 or self.attention_layers < 1 or not self.blocks:
            raise InputError(
                f"a decoder stage needs positive sizes and at least one block, got {asdict(self)}; "
                "take the layout from a U-Net with FeatureLayout.of"
            )


@dataclass(frozen=True)
class FeatureLayout:
    """Where diffusion features come from: U-Net family, channels, stages coarse to fine.

    latent_size: (height, width) of the latent the features were read at, None if unknown.
    context_channels: width of the prompt embedding the cross-attention reads.
    """

    family: str
    middle_channels: int
    stages: tuple[StageLayout, ...]
    latent_size: tuple[int, int] | None = None
    context_channels: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "stages", tuple(self.stages))
        if self.latent_size is not None:
            object.__setattr__(self, "latent_size", tuple(int(side) for side in self.latent_size))
        if self.middle_channels < 1 or not self.stages:
            raise InputError(
                f"a feature layout needs a middle block and at least one decoder stage with "
                f"cross-attention, got {self.middle_channels} channels and {len(self.stages)} stages; "
                "take the layout from a U-Net with FeatureLayout.of"
            )

    @classmethod
    def of(cls, unet: torch.nn.Module, latent_size: tuple[int, int] | None = None) -> FeatureLayout:
        """Layout of a U-Net module. Raises InputError if it is not a Stable Diffusion U-Net."""
        return find_taps(unet, latent_size).layout

    def at(self, latent_size: tuple[int, int]) -> FeatureLayout:
        """The same layout for another latent size (height, width)."""
        return FeatureLayout(self.family, self.middle_channels, self.stages, latent_size, self.context_channels)

    def mismatch(self, other: FeatureLayout) -> str | None:
        """How `other` differs in anything a bridge depends on (latent size excepted), or None."""
        if self.middle_channels != other.middle_channels:
            return f"{self.middle_channels} middle channels against {other.middle_channels}"
        mine = [(stage.channels, stage.downsample) for stage in self.stages]
        theirs = [(stage.channels, stage.downsample) for stage in other.stages]
        if mine != theirs:
            return f"decoder stages (channels, downsample) {mine} against {theirs}"
        if self.family != other.family:
            return f"U-Net family {self.family} against {other.family}"
        if None not in (self.context_channels, other.context_channels) and (
            self.context_channels != other.context_channels
        ):
            return f"{self.context_channels} prompt channels against {other.context_channels}"
        return None

    def to_config(self) -> dict:
        """Plain dict for JSON metadata."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: Mapping) -> FeatureLayout:
        """Inverse of `to_config`. Raises InputError for missing or unknown entries."""
        try:
            entries = dict(config)
            entries["stages"] = tuple(StageLayout(**stage) for stage in entries["stages"])
            return cls(**entries)
        except (KeyError, TypeError) as error:
            raise InputError(
                f"not a feature layout: {error}; write one with FeatureLayout.to_config"
            ) from error


@dataclass(frozen=True)
class StageTaps:
    """The modules of one stage: what its output enters next, and its cross-attentions."""

    boundary: torch.nn.Module
    attentions: tuple[torch.nn.Module, ...]


@dataclass(frozen=True)
class UNetTaps:
    """All modules that a capture watches, with the layout they form."""

    layout: FeatureLayout
    stages: tuple[StageTaps, ...]


def find_taps(unet: torch.nn.Module, latent_size: tuple[int, int] | None = None) -> UNetTaps:
    """Decoder stages with cross-attention of an LDM-style U-Net, coarse to fine.

    A stage is the run of output blocks at one size. Its features are what enters
    its upsampler (the finest stage: what enters the output head `out`), that is
    docs/method.md's "end of the decoder stage", with every residual and every patch of
    other packs included, and before the size changes.
    """
    if getattr(unet, "middle_block", None) is None or not hasattr(unet, "output_blocks"):
        raise InputError(
            f"the model is a {type(unet).__name__}, which is not a Stable Diffusion U-Net; "
            "DDGI reads SD 1.x, SD 2.x and SDXL models"
        )
    runs = _runs_of_blocks(unet)
    stages, taps = [], []
    for level, (boundary, blocks) in enumerate(runs):
        layers = [layer for index in blocks for layer in unet.output_blocks[index]]
        attentions = _cross_attentions(layers)
        if not attentions:
            continue
        channels = _channels([layer for layer in layers if layer is not boundary][-1])
        widths = {attention.to_q.out_features for attention in attentions}
        if widths != {channels}:
            raise InputError(
                f"the cross-attention at output blocks {blocks} is {sorted(widths)} wide and its features "
                f"{channels}; DDGI needs them equal, as in SD 1.x, SD 2.x and SDXL"
            )
        stages.append(StageLayout(channels, 2 ** (len(runs) - 1 - level), tuple(blocks), len(attentions)))
        taps.append(StageTaps(boundary, tuple(attentions)))
    if not stages:
        raise InputError(
            f"the {type(unet).__name__} has no cross-attention in its decoder; "
            "use a text-conditioned model such as SD 1.5"
        )
    context = getattr(taps[0].attentions[0].to_k, "in_features", None)
    middle = _channels(unet.middle_block[-1])
    layout = FeatureLayout(_family(middle, tuple(stages), context), middle, tuple(stages), latent_size, context)
    return UNetTaps(layout, tuple(taps))


def _runs_of_blocks(unet: torch.nn.Module) -> list[tuple[torch.nn.Module, list[int]]]:
    """(module that ends the stage, output block ids) for each decoder size, coarse to fine."""
    runs, blocks = [], []
    for index, block in enumerate(unet.output_blocks):
        blocks.append(index)
        last = block[-1]
        if _is_upsampler(last):
            runs.append((last, blocks))
            blocks = []
    head = unet.id_predictor if getattr(unet, "predict_codebook_ids", False) else unet.out
    runs.append((head, blocks))
    return runs


def _is_upsampler(layer: torch.nn.Module) -> bool:
    return type(layer).__name__ == "Upsample" or bool(getattr(layer, "updown", False))


def _cross_attentions(layers: list[torch.nn.Module]) -> list[torch.nn.Module]:
    blocks = [_plain(block) for layer in layers for block in getattr(layer, "transformer_blocks", ())]
    return [block.attn2 for block in blocks if getattr(block, "attn2", None) is not None]


def _plain(module: torch.nn.Module) -> torch.nn.Module:
    """The module behind torch.compile's stand-in, for transformers that are compiled one by one."""
    return getattr(module, "_orig_mod", module)


def _channels(layer: torch.nn.Module) -> int:
    """Output channels of a residual block or of a spatial transformer."""
    return int(getattr(layer, "out_channels", None) or layer.in_channels)


# (middle channels, stage (channels, downsample) pairs, prompt channels) of the published families.
_SD_STAGES = ((1280, 4), (640, 2), (320, 1))
_FAMILIES = {
    (1280, _SD_STAGES, 768): "sd1",
    (1280, _SD_STAGES, 1024): "sd2",
    (1280, ((1280, 4), (640, 2)), 2048): "sdxl",
}


def _family(middle: int, stages: tuple[StageLayout, ...], context: int | None) -> str:
    pairs = tuple((stage.channels, stage.downsample) for stage in stages)
    return _FAMILIES.get((middle, pairs, context), "custom")
