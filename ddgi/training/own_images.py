"""I_0^d: the diffusion model's own finished pictures, T's targets; made once and kept as bytes."""

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import safe_open

from ..files import save_tensors
from .data import Source
from .encoder import Encoder
from .losses import resized
from .stage import batches

FORMAT = "ddgi.own-images"
_SAMPLE, _NOISE = 11, 12  # keep what is drawn for the sample apart from what is drawn for the noise


class OwnImages:
    """Finished pictures of the first `count` items of a shuffled source, `CHUNK` in a file of `folder`.

    A sample's hint and caption are drawn from `sample_seed`, here and in training, so that the picture belongs to them.
    """

    CHUNK = 16

    def __init__(self, source: Source, encoder: Encoder, folder: Path, count: int, seed: int = 0):
        self.source, self.encoder, self.folder, self.seed = source, encoder, folder, seed
        self.indices = batches(len(source), min(count, len(source)), 0, seed).tolist()
        self._place = {index: place for place, index in enumerate(self.indices)}

    def __len__(self) -> int:
        return len(self.indices)

    def sample_seed(self, index: int) -> int:
        return self._seed(_SAMPLE, index)

    def _seed(self, kind: int, index: int) -> int:
        return (self.seed * 1_000_003 + index) * 64 + kind

    def chunks(self) -> int:
        return -(-len(self) // self.CHUNK)

    @torch.no_grad()
    def make(self, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Finish every picture that `folder` lacks; progress(done, total) may raise to stop."""
        for chunk in range(self.chunks()):
            if not self._path(chunk).exists():
                self._make(chunk)
            progress(min((chunk + 1) * self.CHUNK, len(self)), len(self))

    def _make(self, chunk: int) -> None:
        indices = self.indices[chunk * self.CHUNK:(chunk + 1) * self.CHUNK]
        samples = [self.source.sample(i, torch.Generator().manual_seed(self.sample_seed(i))) for i in indices]
        pictures = self.encoder.finish([s.prompt for s in samples], torch.stack([s.hint for s in samples]),
                                       [self._seed(_NOISE, i) for i in indices])
        as_bytes = ((pictures + 1) * 127.5).round().clamp(0, 255).to("cpu", torch.uint8)
        save_tensors(self._path(chunk), {"pictures": as_bytes}, format=FORMAT, config={"items": indices})

    def _path(self, chunk: int) -> Path:
        return self.folder / f"own-{chunk:05}.safetensors"

    def image(self, index: int, side: int) -> torch.Tensor:
        """The finished picture of item `index`, [3, side, side] in -1..1."""
        chunk, row = divmod(self._place[index], self.CHUNK)
        with safe_open(self._path(chunk), "pt") as file:  # one row of a mapped file, not all of it
            picture = file.get_slice("pictures")[row:row + 1]
        return resized(picture.float() / 127.5 - 1, side)[0]
