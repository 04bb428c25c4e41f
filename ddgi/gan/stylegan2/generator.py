"""StyleGAN2 as a generator family."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from ..flat import FlatGenerator
from ..foreign import ForeignModule
from ..mapping import with_average
from ..styles import StyleLayer
from ..tensors import Tensors
from .config import StyleGAN2Config
from .foreign import settings_of
from .infer import LABEL, drop_filters, infer_config, owns, with_noise

if TYPE_CHECKING:
    from .network import StyleGAN2


class StyleGAN2Generator(FlatGenerator):
    """A 2D generator (Karras et al. 2020); see `Generator` for what all families share."""

    family = "stylegan2"
    label = LABEL
    config_type = StyleGAN2Config
    config: StyleGAN2Config
    module: "StyleGAN2"

    owns = staticmethod(owns)
    infer = staticmethod(infer_config)
    cleaned = staticmethod(drop_filters)
    settings_of = staticmethod(settings_of)

    @staticmethod
    def network(config: StyleGAN2Config, operations=nn) -> "StyleGAN2":
        from .network import StyleGAN2

        return StyleGAN2(config, operations)

    @classmethod
    def adopt(cls, tensors: Tensors, network: ForeignModule | None) -> tuple[Tensors, StyleGAN2Config, dict]:
        tensors, averaged = with_average(tensors)
        tensors, made = with_noise(tensors)
        tensors, config, notes = super().adopt(tensors, network)
        return tensors, config, averaged | made | notes

    def synthesise(self, ws: torch.Tensor, noise_mode: str, seed: int | Sequence[int] | None,
                   dtype: torch.dtype | None) -> torch.Tensor:
        return self.module.synthesis(ws, noise_mode, seed, dtype=dtype)

    def style_layers(self) -> list[StyleLayer]:
        return self.module.synthesis.style_layers()

    def resolution_of(self, name: str) -> int | None:
        return block_resolution(name)

    def _own_facts(self) -> dict:
        return backbone_facts(self.config) | {"architecture": self.config.architecture}


def block_resolution(name: str) -> int | None:
    """Of the block "b<resolution>" that a tensor belongs to; None for the mapping network."""
    block = re.search(r"synthesis\.b(\d+)\.", name)
    return None if block is None else int(block[1])


def backbone_facts(config: StyleGAN2Config) -> dict:
    """What there is to tell of StyleGAN2's layers."""
    return {"conv_clamp": config.conv_clamp, "mapping_layers": config.num_mapping_layers,
            "channels": {str(size): config.channels_at(size) for size in config.block_resolutions}}
