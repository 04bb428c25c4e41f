"""E as the trainer sees it: a frozen diffusion model that reads pictures, and the pictures that it finishes once."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import torch

from ..features import FeatureLayout, StepFeatures
from ..perceptual import Features
from ..pictures import from_bytes, resize, to_bytes
from ..seeds import seeded
from .data import Source
from .data.rows import KeptRows, Progress, Tensors
from .stage import batches

ROWS = 16                 # pictures in a file
_SAMPLE, _NOISE = 11, 12  # keep what is drawn for the sample apart from what is drawn for the noise


class Encoder(Protocol):
    """A diffusion U-Net with its ControlNet, text encoder and VAE; nothing of it is ever trained.

    Every row draws its noise from its own seed, so that what a row gives does not depend on its batch.

    Attributes:
        layout: which parts of the U-Net are read.
        size: side in pixels of the pictures that it sees.
        num_timesteps: length of the noise schedule; timestep 0 is the cleanest.
        finish_passes: U-Net passes that `finish` takes for a picture, for estimates.
    """

    layout: FeatureLayout
    size: int
    num_timesteps: int
    finish_passes: int

    def encode(self, images: torch.Tensor, prompts: Sequence[str], hints: Sequence[torch.Tensor | None],
               timesteps: torch.Tensor, seeds: Sequence[int]) -> tuple[StepFeatures, torch.Tensor]:
        """One U-Net pass on noised pictures.

        Args:
            images: [B, 3, R, R] in -1..1, any R.
            hints: [3, H, W] in 0..1 for each row, for the ControlNet; None where the row goes without it.
            timesteps: integers [B].
            seeds: of the noise, one a row.

        Returns:
            The features, and bool [B, tokens]: True on the prompts' words.
        """

    def finish(self, prompts: Sequence[str], hints: Sequence[torch.Tensor | None],
               seeds: Sequence[int]) -> torch.Tensor:
        """I_0^d: whole sampling runs from pure noise to pictures [B, 3, R, R] in -1..1, R the model's own size."""

    def perceptual(self) -> Features:
        """Feature maps of the VAE's encoder, with gradients for the picture."""

    def describe(self) -> dict:
        """What the training record says of it: names, family, sampler; JSON values only."""


class OwnImages:
    """I_0^d: finished pictures of the first `count` items of a shuffled source, T's targets; kept as bytes in `folder`.

    A sample's hint and caption are drawn from `sample_seed`, here and in training, so that the picture belongs to them.
    """

    def __init__(self, source: Source, encoder: Encoder, folder: Path, count: int, seed: int = 0,
                 damaged: Callable[[Path], None] = lambda path: None):
        self.source, self.encoder, self.seed = source, encoder, seed
        self.indices = batches(len(source), min(count, len(source)), 0, seed).tolist()
        self._place = {index: place for place, index in enumerate(self.indices)}
        self._rows = KeptRows(len(self.indices), self._finish, key={"seed": seed, "of": len(source)}, rows=ROWS,
                              folder=folder, memory_mib=None, damaged=damaged)

    def __len__(self) -> int:
        return len(self.indices)

    def sample_seed(self, index: int) -> int:
        return self._seed(_SAMPLE, index)

    def _seed(self, kind: int, index: int) -> int:
        return (self.seed * 1_000_003 + index) * 64 + kind

    def fill(self, progress: Progress = lambda done, total: None) -> None:
        """Finish every picture that is not there yet; progress(done, total) may raise to stop."""
        self._rows.fill(progress)

    @torch.no_grad()
    def _finish(self, places: range) -> Tensors:
        indices = [self.indices[place] for place in places]
        samples = [self.source.sample(i, seeded(self.sample_seed(i))) for i in indices]
        pictures = self.encoder.finish([s.prompt for s in samples], [s.hint for s in samples],
                                       [self._seed(_NOISE, i) for i in indices])
        return {"pictures": to_bytes(pictures).cpu()}

    def image(self, index: int, side: int) -> torch.Tensor:
        """The finished picture of item `index`, [3, side, side] in -1..1."""
        levels = self._rows.row(self._place[index])["pictures"]
        return resize(from_bytes(levels)[None], side)[0]
