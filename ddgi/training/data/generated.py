"""The generator's own pictures as a source: training without any data set.

w is drawn and its face rendered, so the latent of every picture is known; the hint is drawn from the picture and the
prompt from a grammar. Prompt and picture know nothing of each other: M learns from w and the picture, T from what the
diffusion model makes of the hint and the prompt.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from ...errors import InputError
from ...gan import Generator
from ...palette import CLASS_NAMES
from ...pictures import from_bytes, resize, resize_classes, to_bytes
from ...seeds import check_seeds, describe_seeds, seeded
from .heads import random_angles
from .hints import Hints
from .rows import KeptRows, rows_for
from .sample import Items, Problem, Sample

Segmenter = Callable[[Tensor], Tensor]


class Prompts(Protocol):
    """What writes prompts, such as a `Grammar`; `text` is what it follows."""

    name: str
    text: str

    def draw(self, seed: int) -> str: ...


class GeneratorSamples(Items):
    """Pictures of a generator with known latents; item i is seed number i.

    The prompt belongs to the item, so that the diffusion model's own picture for it can be kept. Pictures are never
    flipped or cropped: they would no longer be those of their latents.

    Args:
        generator: of any family.
        prompts: a `Grammar`.
        seeds: a range or list, without repeats.
        resolution: pixels per side of the samples' images; other sizes are resampled.
        hints: mask hints need a segmenter.
        segmenter: from pictures [1, 3, H, W] in -1..1 at the generator's size to integer classes [1, h, w] in 0..18.
        segmenter_name: for the record, and to tell the kept files of several segmenters apart.
        truncation_psi: (low, high), drawn evenly for each item: near 0 average faces, 1 all that the generator knows.
        yaw, pitch: 3D generators only: degrees to each side of the front that cameras are drawn from.
        folder: where renders are kept between runs, 3 MiB for each of 1024 pixels. memory_mib: bound on those in
            memory.

    Raises:
        InputError: no seeds, repeated seeds, mask hints without a segmenter, or a range that is none.
    """

    def __init__(self, generator: Generator, prompts: Prompts, seeds: Sequence[int], resolution: int,
                 hints: Hints = Hints(mask_share=0.0), *, segmenter: Segmenter | None = None,
                 segmenter_name: str = "", truncation_psi: tuple[float, float] = (0.7, 1.0), yaw: float = 30.0,
                 pitch: float = 12.0, folder: str | Path | None = None, memory_mib: float = 1024):
        check_seeds(seeds)
        if resolution < 8:
            raise InputError(f"A resolution of {resolution} was given; it must be at least 8 pixels.")
        if segmenter is None and hints.mask_share > 0:
            raise InputError(f"A mask share of {hints.mask_share} was given without a segmenter, which draws the masks "
                             f"of generated faces; give one, or set the share to 0 (only scribbles).")
        if not 0 <= truncation_psi[0] <= truncation_psi[1]:
            raise InputError(f"The truncation range {tuple(truncation_psi)} was given; it must be (low, high) with "
                             f"0 <= low <= high.")
        self.generator, self.prompts, self.seeds, self.resolution = generator, prompts, seeds, resolution
        self.hints, self.segmenter, self.segmenter_name = hints, segmenter, segmenter_name
        self.truncation_psi = (float(truncation_psi[0]), float(truncation_psi[1]))
        self.yaw, self.pitch = yaw, pitch
        self.problems: list[Problem] = []
        rows = rows_for(max(resolution, generator.config.img_resolution))
        self.rows = KeptRows(len(seeds), self._render, key=self._key(), rows=rows, folder=folder, memory_mib=memory_mib)

    def __len__(self) -> int:
        return len(self.seeds)

    def name(self, index: int) -> str:
        return f"generated-{self.seeds[index]}"

    def prompt(self, index: int) -> str:
        """The prompt of an item, without rendering it."""
        return self.prompts.draw(self.seeds[index])

    def read(self, index: int, rng: torch.Generator) -> Sample:
        row = self.rows.row(index)
        image, mask = from_bytes(row["image"]), row.get("mask")
        kind, pixels = self.hints.kind(mask is not None, rng), self.hints.pixels(self.resolution)
        classes, prompt = None if mask is None else resize_classes(mask, pixels), self.prompt(index)
        hint = self.hints.draw(kind, prompt, rng, None if mask is None else lambda: classes,
                               lambda: self.hints.lines(resize(image[None], pixels)[0], classes))
        return Sample(self.name(index), prompt, hint, kind, image, mask, row.get("camera"), row["w"], described=False)

    def describe(self) -> dict:
        return {**self._key(), "items": len(self), "skipped": 0, "generator": self.generator.name,
                "prompts": f"{self.prompts.name} {_digest(self.prompts.text)}", "hints": self.hints.describe()}

    def _key(self) -> dict:
        cameras = {"yaw": self.yaw, "pitch": self.pitch} if self.generator.is_3d else None
        segmenter = None if self.segmenter is None else self.segmenter_name or "unnamed"
        return {"source": "generator samples", "generator_fingerprint": self.generator.fingerprint,
                "seeds": describe_seeds(self.seeds), "resolution": self.resolution, "segmenter": segmenter,
                "truncation_psi": list(self.truncation_psi), "cameras": cameras}

    @torch.no_grad()
    def _render(self, rows: range) -> dict[str, Tensor]:
        parts: dict[str, list[Tensor]] = {}
        for row in rows:
            for name, value in self._render_one(self.seeds[row]).items():
                parts.setdefault(name, []).append(value)
        return {name: torch.stack(values) for name, values in parts.items()}

    def _render_one(self, seed: int) -> dict[str, Tensor]:
        ws, camera = self._latent(seed), self._camera(seed)
        picture = self.generator.render(ws, camera).image.float()
        tensors = {"image": to_bytes(resize(picture, self.resolution)[0]).cpu(), "w": ws[0].float().cpu()}
        if camera is not None:
            tensors["camera"] = camera[0]
        if self.segmenter is not None:
            classes = _check_classes(self.segmenter(picture))
            tensors["mask"] = resize_classes(classes[0].to(torch.uint8).cpu(), self.resolution)
        return tensors

    def _latent(self, seed: int) -> Tensor:
        """ws [1, num_ws, w_dim] of one seed; conditional 2D generators get a random class."""
        draws = seeded(seed)
        z = torch.randn(1, self.generator.config.z_dim, generator=draws)
        low, high = self.truncation_psi
        psi = low + (high - low) * torch.rand(1, generator=draws).item()
        return self.generator.map(z, self.generator.random_label(draws), psi)

    def _camera(self, seed: int) -> Tensor | None:
        """The label [1, 25] of one seed, on the sphere of the generator's own cameras; None in 2D."""
        if not self.generator.is_3d:
            return None
        yaw, pitch = random_angles([seed], self.yaw, self.pitch)[0].tolist()
        return self.generator.camera(yaw, pitch).label


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _check_classes(classes: Tensor) -> Tensor:
    """Refuse what a segmenter must not give."""
    if classes.ndim != 3 or len(classes) != 1 or classes.is_floating_point():
        raise InputError(f"The segmenter gave values of shape {list(classes.shape)} and type {classes.dtype}; it must "
                         f"give integer classes [1, height, width].")
    low, high = int(classes.min()), int(classes.max())
    if low < 0 or high >= len(CLASS_NAMES):
        raise InputError(f"The segmenter gave class {high if low >= 0 else low}; face classes run from 0 to "
                         f"{len(CLASS_NAMES) - 1}, see `ddgi.palette`.")
    return classes
