"""Which parts of a diffusion network are read, and how big they are: the description that travels with features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import torch

from ..errors import InputError


@dataclass(frozen=True)
class StageLayout:
    """One decoder stage with cross-attention. None is "not known", as in the files of older bridges.

    channels: C_n of its features and of its attention output.
    downsample: latent size divided by the stage's size (1, 2, 4, ...).
    blocks: indices of its output blocks, in calling order.
    attention_layers: K, the number of cross-attention layers in it.
    """

    channels: int
    downsample: int | None = None
    blocks: tuple[int, ...] | None = None
    attention_layers: int | None = None

    def __post_init__(self) -> None:
        if self.blocks is not None:
            object.__setattr__(self, "blocks", tuple(int(block) for block in self.blocks))
        sizes = [size for size in (self.channels, self.downsample, self.attention_layers) if size is not None]
        if min(sizes) < 1 or self.blocks == ():
            raise InputError(
                f"a decoder stage needs positive sizes and at least one block, got {asdict(self)}; "
                "take the layout from a U-Net with FeatureLayout.of"
            )


@dataclass(frozen=True)
class FeatureLayout:
    """Where diffusion features come from: U-Net family, channels, stages coarse to fine.

    family: name of a published network ("sd1", "sd2", "sdxl"), or "custom".
    latent_size: (height, width) of the latent the features were read at, None if unknown.
    context_channels: width of the prompt embedding the cross-attention reads, None if unknown.
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
    def of(cls, network: torch.nn.Module, latent_size: tuple[int, int] | None = None) -> FeatureLayout:
        """Layout of a diffusion network. Raises InputError if it is of no family that is read."""
        from .families import find_taps  # the table of families stands on this module

        return find_taps(network, latent_size).layout

    def at(self, latent_size: tuple[int, int]) -> FeatureLayout:
        """The same layout for another latent size (height, width)."""
        return replace(self, latent_size=latent_size)

    def mismatch(self, other: FeatureLayout) -> str | None:
        """The one rule of belonging: how `other` differs in what a bridge depends on, or None if it fits.

        Latent size and block numbers are free, and what one of the two does not know is not compared.
        """
        mine, theirs = self._facts(), other._facts()
        for name, needed in mine.items():
            found = theirs[name]
            if None not in (needed, found) and needed != found:
                return f"{name} {found} in the place of {needed}"
        return None

    def _facts(self) -> dict[str, object]:
        def of_stages(name: str) -> list[int] | None:
            values = [getattr(stage, name) for stage in self.stages]
            return None if None in values else values

        return {
            "U-Net family": self.family,
            "middle channels": self.middle_channels,
            "decoder channels": of_stages("channels"),
            "decoder downsampling": of_stages("downsample"),
            "attention layers": of_stages("attention_layers"),
            "prompt channels": self.context_channels,
        }

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
