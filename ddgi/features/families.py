"""The table of diffusion networks that are read. Another family is a subclass of `NetworkTaps` and a row here."""

from __future__ import annotations

import torch

from ..errors import InputError
from .ldm import LDMTaps
from .taps import NetworkTaps

FAMILIES: tuple[type[NetworkTaps], ...] = (LDMTaps,)


def find_taps(network: torch.nn.Module, latent_size: tuple[int, int] | None = None) -> NetworkTaps:
    """The places where `network` is read, by the first row that knows it.

    latent_size: (height, width) that its layout is to carry.
    Raises InputError if no row knows the network, or if its row finds something that cannot be read.
    """
    for family in FAMILIES:
        if family.knows(network):
            return family(network, latent_size)
    raise InputError(
        f"the model is a {type(network).__name__}, which DDGI cannot read; "
        f"use one of these: {', '.join(family.models for family in FAMILIES)}"
    )
