"""Core's networks and the finished demo models, as the demo recipe takes them."""

from collections.abc import Callable
from pathlib import Path

import torch

from ...ddgi.demo.builders import Builders
from ...ddgi.demo.config import DiffusionConfig
from ..core_models import build_autoencoder, build_clip, build_control_net, build_unet, initialise
from .encoder import DiffusionEncoder
from .recipe import ModelTable, open_encoder


def builders() -> Builders:
    """For `ddgi.demo.recipe.train`."""
    return Builders(build_autoencoder, build_unet, build_control_net, _text, _tokenize, initialise, open_demo_encoder)


def open_demo_encoder(folder: Path) -> DiffusionEncoder:
    """The demo's diffusion model in `folder`, with which the demo's own bridges are trained."""
    return open_encoder(ModelTable(steps=12, cfg=2.0), folder)


def _text(config: DiffusionConfig, tokenizer_folder: Path) -> torch.nn.Module:
    return build_clip(config, tokenizer_folder).cond_stage_model.clip_l.transformer


def _tokenize(config: DiffusionConfig, tokenizer_folder: Path) -> Callable[[str], list[int]]:
    tokenizer = build_clip(config, tokenizer_folder).tokenizer
    return lambda text: [token for token, _ in tokenizer.tokenize_with_weights(text)["l"][0]]
