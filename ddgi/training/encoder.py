"""E as the trainer sees it: a frozen diffusion model that reads pictures and finishes its own."""

from collections.abc import Sequence
from typing import Protocol

import torch

from ..features import FeatureLayout, StepFeatures
from .losses import Features


class Encoder(Protocol):
    """A diffusion U-Net with its ControlNet, text encoder and VAE; nothing of it is ever trained.

    Every row draws its noise from its own seed, so that what a row gives does not depend on its batch.

    Attributes:
        layout: which parts of the U-Net are read.
        num_timesteps: length of the noise schedule; timestep 0 is the cleanest.
        finish_passes: U-Net passes that `finish` takes for a picture, for estimates.
    """

    layout: FeatureLayout
    num_timesteps: int
    finish_passes: int

    def encode(self, images: torch.Tensor, prompts: Sequence[str], hints: torch.Tensor, timesteps: torch.Tensor,
               seeds: Sequence[int]) -> tuple[StepFeatures, torch.Tensor]:
        """One U-Net pass on noised pictures.

        Args:
            images: [B, 3, R, R] in -1..1, any R.
            hints: [B, 3, H, W] in 0..1, for the ControlNet.
            timesteps: integers [B].
            seeds: of the noise, one a row.

        Returns:
            The features, and bool [B, tokens]: True on the prompts' words.
        """

    def finish(self, prompts: Sequence[str], hints: torch.Tensor, seeds: Sequence[int]) -> torch.Tensor:
        """I_0^d: whole sampling runs from pure noise to pictures [B, 3, R, R] in -1..1, R the model's own size."""

    def perceptual(self) -> Features:
        """Feature maps of the VAE's encoder, with gradients for the picture."""

    def describe(self) -> dict:
        """What the training record says of it: names, family, sampler; JSON values only."""
