"""Features kept on disk: E is frozen, so a pass need not be taken twice."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors import safe_open

from ..bridge import BridgeInputs
from ..files import save_tensors
from .batch import Batch
from .passes import Passes
from .stage import batches

FORMAT = "ddgi.passes"


class CachedPasses:
    """The first `count` passes of `passes`, with their features in files of `folder`, `CHUNK` in each.

    Pictures are read from the source again: they are small and already on the disk.

    Args:
        h_alone: keep what M reads; f and attention, which only T reads, are then left out of the batches.
    """

    CHUNK = 16

    def __init__(self, passes: Passes, folder: Path, count: int, h_alone: bool = False):
        self.passes, self.folder, self.count, self.h_alone = passes, folder, count, h_alone

    def make(self, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Take every pass that `folder` lacks; progress(done, total) may raise to stop."""
        for chunk in range(-(-self.count // self.CHUNK)):
            if not self._path(chunk).exists():
                self._make(chunk)
            progress(min((chunk + 1) * self.CHUNK, self.count), self.count)

    def _make(self, chunk: int) -> None:
        plans = [self.passes.plan(n) for n in range(chunk * self.CHUNK, min((chunk + 1) * self.CHUNK, self.count))]
        samples = self.passes.samples(plans)
        inputs = self.passes.read(plans, samples, self.passes.pictures(plans, samples)).to("cpu", torch.float16)
        tensors = {"h": inputs.h, "words": inputs.words}
        for name, maps in () if self.h_alone else (("f", inputs.f), ("attention", inputs.attention)):
            tensors |= {f"{name}.{stage}": x for stage, x in enumerate(maps)}
        save_tensors(self._path(chunk), tensors, format=FORMAT, config={})

    def _path(self, chunk: int) -> Path:
        return self.folder / f"passes-{chunk:05}.safetensors"

    def step(self, step: int, size: int) -> Batch:
        """As `Passes.step`; the passes come in a new order each time they have all been seen."""
        return self.batch(batches(self.count, size, step, self.passes.seed).tolist())

    def batch(self, numbers: Sequence[int]) -> Batch:
        """The passes `numbers`, features from disk."""
        plans = [self.passes.plan(number) for number in numbers]
        samples = self.passes.samples(plans)
        rows = [self._row(number) for number in numbers]
        join = lambda pick: torch.cat([pick(row) for row in rows])  # noqa: E731
        stages = range(len(rows[0].f))
        inputs = BridgeInputs(join(lambda r: r.h), tuple(join(lambda r, i=i: r.f[i]) for i in stages),
                              tuple(join(lambda r, i=i: r.attention[i]) for i in stages), join(lambda r: r.words))
        return self.passes.join(plans, samples, self.passes.pictures(plans, samples), inputs)

    def _row(self, number: int) -> BridgeInputs:
        """One row of a mapped file."""
        chunk, row = divmod(number, self.CHUNK)
        with safe_open(self._path(chunk), "pt") as file:
            pick = lambda name: file.get_slice(name)[row:row + 1]  # noqa: E731
            stages = sum(key.startswith("f.") for key in file.keys())  # noqa: SIM118
            return BridgeInputs(pick("h"), tuple(pick(f"f.{i}") for i in range(stages)),
                                tuple(pick(f"attention.{i}") for i in range(stages)), pick("words"))
