"""Diffusion features: what the frozen U-Net knows about the picture while it denoises it.

`capture_pass` reads one U-Net pass; `captured_call` watches any single call; the nodes
build whole sampling runs from the second.
"""

from .capture import CapturedCall, capture_pass, captured_call
from .families import find_taps
from .layout import FeatureLayout, StageLayout
from .steps import StepSelection, step_of_sigma
from .taps import NetworkTaps
from .values import DiffusionFeatures, StepFeatures
from .word_maps import overlay, pointing_game, word_maps
from .words import Word, fit_words, join_pieces, words_of_ids, words_of_length

__all__ = [
    "CapturedCall",
    "DiffusionFeatures",
    "FeatureLayout",
    "NetworkTaps",
    "StageLayout",
    "StepFeatures",
    "StepSelection",
    "Word",
    "capture_pass",
    "captured_call",
    "find_taps",
    "fit_words",
    "join_pieces",
    "overlay",
    "pointing_game",
    "step_of_sigma",
    "word_maps",
    "words_of_ids",
    "words_of_length",
]
