"""Diffusion features: what the frozen U-Net knows about the picture while it denoises it.

`capture_pass` reads one U-Net pass; `captured_call` watches any single call; the nodes
build whole sampling runs from the second.
"""

from .capture import CapturedCall, capture_pass, captured_call, options_of_call
from .layout import FeatureLayout, StageLayout, find_taps
from .steps import StepSelection, step_of_sigma
from .values import DiffusionFeatures, StepFeatures
from .words import fit_words, words_of_ids, words_of_length

__all__ = [
    "CapturedCall",
    "DiffusionFeatures",
    "FeatureLayout",
    "StageLayout",
    "StepFeatures",
    "StepSelection",
    "capture_pass",
    "captured_call",
    "find_taps",
    "fit_words",
    "options_of_call",
    "step_of_sigma",
    "words_of_ids",
    "words_of_length",
]
