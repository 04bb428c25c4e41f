"""LDM-shaped U-Nets, those of SD 1.x, SD 2.x and SDXL: where they are read.

Nothing here depends on a class of the host: such a U-Net is recognised by the attributes that all of them have
(`middle_block`, `output_blocks`, `out`, transformers with `transformer_blocks`).

Forward hooks on the sub-modules see what really flows, whoever computed it: the input of `attn2.to_out` is the
attention output also under a replaced attention slot, an attention override or another pack's patches; the input
of the upsampler is the end of the decoder stage after all of them. h comes from the host's
`middle_block_after_patch` list because the ControlNet residual is added outside any module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

import torch

from ..errors import InputError
from .layout import FeatureLayout, StageLayout
from .stages import StageMaps
from .taps import NetworkTaps

if TYPE_CHECKING:
    from .capture import CapturedCall

_MIDDLE = "middle_block_after_patch"


class _StageModules(NamedTuple):
    """The modules of one stage: what its output enters next, and its cross-attentions."""

    boundary: torch.nn.Module
    attentions: tuple[torch.nn.Module, ...]


class LDMTaps(NetworkTaps):
    """Decoder stages with cross-attention, coarse to fine.

    A stage is the run of output blocks at one size. Its features are what enters its upsampler (the finest
    stage: what enters the output head `out`), that is method.md's "end of the decoder stage", with every
    residual and every patch of other packs included, and before the size changes.
    """

    models = "SD 1.x, SD 2.x and SDXL U-Nets"

    @classmethod
    def knows(cls, network: torch.nn.Module) -> bool:
        return getattr(network, "middle_block", None) is not None and hasattr(network, "output_blocks")

    def __init__(self, network: torch.nn.Module, latent_size: tuple[int, int] | None = None):
        runs = _runs_of_blocks(network)
        stages, modules = [], []
        for level, (boundary, blocks) in enumerate(runs):
            layers = [layer for index in blocks for layer in network.output_blocks[index]]
            attentions = _cross_attentions(layers)
            if not attentions:
                continue
            channels = _channels([layer for layer in layers if layer is not boundary][-1])
            _check_widths(attentions, channels, blocks)
            stages.append(StageLayout(channels, 2 ** (len(runs) - 1 - level), tuple(blocks), len(attentions)))
            modules.append(_StageModules(boundary, tuple(attentions)))
        if not stages:
            raise InputError(
                f"the {type(network).__name__} has no cross-attention in its decoder; "
                "use a text-conditioned model such as SD 1.5"
            )
        self.modules = tuple(modules)
        context = getattr(modules[0].attentions[0].to_k, "in_features", None)
        middle = _channels(network.middle_block[-1])
        self.layout = FeatureLayout(_published(middle, stages, context), middle, tuple(stages), latent_size, context)

    @staticmethod
    def options_of_call(args: tuple, kwargs: dict) -> MutableMapping:
        # (x, timesteps, context, y, control, transformer_options)
        return args[5] if len(args) > 5 else kwargs["transformer_options"]

    @contextmanager
    def attach(self, call: CapturedCall, options: MutableMapping) -> Iterator[None]:
        """Forward hooks, and one more entry in the host's list of middle block patches."""

        def on_middle(values: dict) -> dict:
            call.take_middle(values["h"], values["timesteps"])
            return values

        with ExitStack() as stack:
            for modules, maps in zip(self.modules, call.stages):
                for handle in _hooks(modules, maps):
                    stack.callback(handle.remove)
            stack.enter_context(_middle_patch(options, on_middle))
            yield


@contextmanager
def _middle_patch(options: MutableMapping, patch: Callable[[dict], dict]) -> Iterator[None]:
    """`patch` last in the list of middle block patches; at the end "patches" is what it was, or absent again."""
    had, patches = "patches" in options, options.get("patches")
    options["patches"] = {**(patches or {}), _MIDDLE: [*(patches or {}).get(_MIDDLE, ()), patch]}
    try:
        yield
    finally:
        if had:
            options["patches"] = patches
        else:
            options.pop("patches", None)


def _hooks(modules: _StageModules, maps: StageMaps) -> Iterator[torch.utils.hooks.RemovableHandle]:
    for attention in modules.attentions:
        hooks = _AttentionHooks(maps, attention.heads)
        yield attention.to_q.register_forward_hook(hooks.on_q)
        yield attention.to_k.register_forward_hook(hooks.on_k)
        yield attention.to_out.register_forward_pre_hook(hooks.on_output)
    yield modules.boundary.register_forward_pre_hook(lambda module, args: maps.end(args[0]))


class _AttentionHooks:
    """Hooks of one cross-attention module; holds q until its k has come."""

    def __init__(self, maps: StageMaps, heads: int):
        self.maps = maps
        self.heads = heads
        self.q: torch.Tensor | None = None

    def on_q(self, module: torch.nn.Module, args: tuple, output: torch.Tensor) -> None:
        self.q = output

    def on_k(self, module: torch.nn.Module, args: tuple, output: torch.Tensor) -> None:
        if self.q is not None:
            self.maps.add_words(self.q, output, self.heads)
            self.q = None

    def on_output(self, module: torch.nn.Module, args: tuple) -> None:
        self.maps.add_output(args[0])


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


def _check_widths(attentions: list[torch.nn.Module], channels: int, blocks: list[int]) -> None:
    widths = {attention.to_q.out_features for attention in attentions}
    if widths != {channels}:
        raise InputError(
            f"the cross-attention at output blocks {blocks} is {sorted(widths)} wide and its features "
            f"{channels}; DDGI needs them equal, as in SD 1.x, SD 2.x and SDXL"
        )


# (middle channels, stage (channels, downsample, attention layers) triples, prompt channels) of the published networks.
_SD_STAGES = ((1280, 4, 3), (640, 2, 3), (320, 1, 3))
_PUBLISHED = {
    (1280, _SD_STAGES, 768): "sd1",
    (1280, _SD_STAGES, 1024): "sd2",
    (1280, ((1280, 4, 30), (640, 2, 6)), 2048): "sdxl",
}


def _published(middle: int, stages: list[StageLayout], context: int | None) -> str:
    triples = tuple((stage.channels, stage.downsample, stage.attention_layers) for stage in stages)
    return _PUBLISHED.get((middle, triples, context), "custom")
