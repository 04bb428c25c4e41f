"""Where a diffusion model looks for each word of its prompt."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from ..errors import InputError
from .values import StepFeatures
from .words import Word

_FLAT = 1e-4  # of a map's highest value: less variation than this is rounding
_DARK = 0.35  # of the picture's brightness that is left where a word does not look


def word_maps(step: StepFeatures, words: Sequence[Word], size: tuple[int, int], stage: int | None = None,
              contrast: bool = False) -> torch.Tensor:
    """Maps of words, fp32 [B, words, H, W], each from 0 to 1.

    A map is the mean over the word's tokens, and over heads and layers, of softmax(QK^T): Tang et al. 2022 (DAAM),
    eq. 5, for one step.

    Args:
        size: H, W. stage: a decoder stage, 0 the coarsest; None is the mean over all of them.
        contrast: each map is divided by the mean of all words' maps, which leaves what the word alone looks at.

    Raises:
        InputError: no words, or no such stage.
    """
    if not words:
        raise InputError("There are no words to look for; give the prompt with DDGI Prompt, which knows them.")
    if stage is not None and not 0 <= stage < len(step.word_mean):
        raise InputError(f"Stage {stage + 1} was asked for, but the model has {len(step.word_mean)} stages; choose one "
                         "of them, or 0 for all.")
    stages = step.word_mean if stage is None else step.word_mean[stage:stage + 1]
    maps = torch.stack([_enlarged(maps, words, size) for maps in stages]).mean(0)
    if contrast:
        maps = maps / maps.mean(1, keepdim=True).clamp_min(torch.finfo(maps.dtype).tiny)
    low, high = maps.amin((-2, -1), keepdim=True), maps.amax((-2, -1), keepdim=True)
    return (maps - low) / torch.maximum(high - low, high * _FLAT).clamp_min(torch.finfo(maps.dtype).tiny)


def _enlarged(maps: torch.Tensor, words: Sequence[Word], size: tuple[int, int]) -> torch.Tensor:
    """[B, tokens, h, w] of a stage to [B, words, H, W]."""
    looks = torch.stack([maps[:, list(word.tokens)].float().mean(1) for word in words], 1)
    return F.interpolate(looks, size, mode="bicubic", align_corners=False).clamp_min(0)


def overlay(pictures: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """Pictures [..., 3, H, W] in -1..1 that stay bright where the maps [..., 1, H, W] in 0..1 are 1, and darken."""
    return (pictures + 1) * (_DARK + (1 - _DARK) * maps) - 1


def pointing_game(maps: torch.Tensor, areas: torch.Tensor) -> torch.Tensor:
    """bool [N]: whether the highest point of each map [N, H, W] lies in its area, bool [N, H, W].

    Zhang et al. 2018, "Top-down Neural Attention by Excitation Backprop", without a margin.
    """
    peaks = maps.flatten(1).argmax(1)
    return areas.flatten(1).gather(1, peaks[:, None])[:, 0]
