"""What the recipe needs of the host: callables that build core's own networks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from ..training.encoder import Encoder
from .config import DiffusionConfig


@dataclass(frozen=True)
class Builders:
    """Core's own networks with unset or random weights, and the finished ones as E.

    Attributes:
        autoencoder: to core's AutoencoderKL, initialised.
        unet: to core's BaseModel, with `diffusion_model` and `model_sampling`.
        control_net: to core's ControlNet network.
        text: from the tokenizer's folder to core's CLIP text transformer.
        tokenize: from the tokenizer's folder to a function from a text to its 77 ids.
        initialise: gives a network of core's its random start; see `host.core_models.initialise`.
        encoder: from the folder of the finished files to the diffusion model as the bridge's trainer sees it.
    """

    autoencoder: Callable[[DiffusionConfig], nn.Module]
    unet: Callable[[DiffusionConfig], nn.Module]
    control_net: Callable[[DiffusionConfig], nn.Module]
    text: Callable[[DiffusionConfig, Path], nn.Module]
    tokenize: Callable[[DiffusionConfig, Path], Callable[[str], list[int]]]
    initialise: Callable[[nn.Module], None]
    encoder: Callable[[Path], Encoder]
