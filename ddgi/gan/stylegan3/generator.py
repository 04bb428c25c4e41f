"""StyleGAN3 as a generator family."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from ..flat import FlatGenerator
from ..foreign import ForeignModule
from ..mapping import with_average
from ..options import Option
from ..styles import StyleLayer
from ..tensors import Tensors
from .config import StyleGAN3Config
from .fourier import movement
from .infer import LABEL, infer_config, owns, settings_of
from .schedule import input_signal, layer_plans

if TYPE_CHECKING:
    from .network import StyleGAN3

BYTES_PER_NUMBER = 16       # of the largest feature map: before, between and after its filters (measured)


class StyleGAN3Generator(FlatGenerator):
    """A 2D generator whose pictures can be moved (Karras et al. 2021); see `Generator` for what all families share.

    It has no noise: every `noise_mode` gives the same picture.
    """

    family = "stylegan3"
    label = LABEL
    config_type = StyleGAN3Config
    config: StyleGAN3Config
    module: "StyleGAN3"
    render_options = (
        Option("translate_x", 0.0, "How far StyleGAN3 moves the face to the right, in picture widths; less than 0 "
               "moves it to the left.", low=-1, high=1, step=0.01),
        Option("translate_y", 0.0, "How far StyleGAN3 moves the face down, in picture heights; less than 0 moves it "
               "up.", low=-1, high=1, step=0.01),
        Option("rotation", 0.0, "How far StyleGAN3 turns the face counter-clockwise, in degrees. Generators of its "
               "kind T keep their details upright; kind R turns all.", low=-180, high=180, step=1))

    owns = staticmethod(owns)
    infer = staticmethod(infer_config)
    settings_of = staticmethod(settings_of)

    @staticmethod
    def network(config: StyleGAN3Config, operations=nn) -> "StyleGAN3":
        from .network import StyleGAN3

        return StyleGAN3(config, operations)

    @classmethod
    def adopt(cls, tensors: Tensors, network: ForeignModule | None) -> tuple[Tensors, StyleGAN3Config, dict]:
        tensors, note = with_average(tensors)
        tensors, config, notes = super().adopt(tensors, network)
        return tensors, config, note | notes

    def synthesise(self, ws: torch.Tensor, noise_mode: str, seed: int | Sequence[int] | None,
                   dtype: torch.dtype | None, *, translate_x: float = 0.0, translate_y: float = 0.0,
                   rotation: float = 0.0) -> torch.Tensor:
        moved = movement(translate_x, translate_y, rotation) if translate_x or translate_y or rotation else None
        return self.module.synthesis(ws, moved, dtype)

    def style_layers(self) -> list[StyleLayer]:
        """The input first: its w sets where the face is and how it is turned."""
        synthesis = self.module.synthesis
        layers = [getattr(synthesis, name) for name in synthesis.layer_names]
        return [StyleLayer(0, synthesis.input.affine)] + [
            StyleLayer(index, layer.affine, layer.plan.is_rgb) for index, layer in enumerate(layers, 1)]

    def resolution_of(self, name: str) -> int | None:
        """The sampling rate of a layer's output: its pixels without those of the margin."""
        rates = {"input": input_signal(self.config).rate}
        rates |= {plan.name: plan.target.rate for plan in layer_plans(self.config)}
        return rates.get(name.split(".")[1])

    def memory_estimate(self, **render_options) -> int:
        largest = max(plan.target.channels * (plan.target.size * plan.down) ** 2 for plan in layer_plans(self.config))
        return BYTES_PER_NUMBER * largest

    def _own_facts(self) -> dict:
        config, plans = self.config, layer_plans(self.config)
        return {"architecture": "R" if config.use_radial_filters else "T", "conv_clamp": config.conv_clamp,
                "mapping_layers": config.num_mapping_layers,
                "channels": {plan.name: plan.target.channels for plan in plans}}
