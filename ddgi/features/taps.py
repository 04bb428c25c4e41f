"""What a family of diffusion networks has to say so that its calls can be read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, ClassVar

import torch

from .layout import FeatureLayout

if TYPE_CHECKING:
    from .capture import CapturedCall


class NetworkTaps(ABC):
    """The places where one network is read.

    models: what people call the networks of this family, for messages.
    layout: what is read here, and how big it is.
    """

    models: ClassVar[str]
    layout: FeatureLayout

    @classmethod
    @abstractmethod
    def knows(cls, network: torch.nn.Module) -> bool:
        """Whether `network` belongs to this family; decided by its attributes, never by a class of the host."""

    @abstractmethod
    def __init__(self, network: torch.nn.Module, latent_size: tuple[int, int] | None = None):
        """Find the places in a network that `knows` accepted.

        Raises InputError if it lacks something that features need, cross-attention for example.
        """

    @staticmethod
    @abstractmethod
    def options_of_call(args: tuple, kwargs: dict) -> MutableMapping:
        """The transformer_options among the arguments of a call of the network."""

    @abstractmethod
    def attach(self, call: CapturedCall, options: MutableMapping) -> AbstractContextManager:
        """Let the network's call inside the block report to `call`, and leave nothing behind at its end.

        options: the transformer_options of that call, which may be changed inside the block.
        To be reported, always with all N rows of the batch: `call.take_middle` once, and for stage n of the layout
        `call.stages[n].add_output` and `.add_words` for each of its attention layers, then `.end` once.
        """
