"""Head world as a source: as many captioned heads as there are seeds, with masks, scribbles and cameras."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ...cameras import look_at_label
from ...errors import InputError
from ...headworld import ATTRIBUTES, STYLES, WORN, caption, parameters_from_z, render_batch, stack_seeds
from ...pictures import from_bytes, resize_classes, to_bytes
from ...scribble import shrink_lines
from ...seeds import check_seeds, describe_seeds, seeded
from .framing import Augment, Framing, flip_classes, frame_camera, names_a_side
from .hints import Hints
from .rows import KeptRows, rows_for
from .sample import Items, Problem, Sample

PHRASINGS = 64                                      # wordings a caption is drawn from
TELL_ABSENT = 0.12                                  # how often a partial caption says of a thing that it is not worn
_CAMERA_STREAM, _STYLE_STREAM = 0x5EED_CA3E, 0x5EED_57E1


class HeadWorld(Items):
    """Rendered heads; item i is seed number i. Nothing can be broken here, so `problems` stays empty.

    Args:
        seeds: a range or list, without repeats.
        resolution: pixels per side, a multiple of 8, at least 16.
        hints: scribbles are head world's own, along borders of parts and steps in depth; only their share and the
            size count.
        yaw, pitch: degrees to each side that cameras are drawn from; None is each head's own camera near the front.
        on_white: for generators that draw heads alone, see `Sample`.
        drawn_share: share of the heads in drawn styles, evenly; the others are studio pictures.
        partial_share: share of the captions that name only some of a head's attributes, a third of them none ("a
            face"), so that drawings count by themselves. What is not named is free, so such a caption does not
            describe its picture (`Sample.described`).
        alone: heads before pure white, with their "depth" among the `rows`: for teaching a 3D generator.
        flip: mirror half of the heads, never where `latents` is given.
        latents: from head latents z [1, 64] to ws [1, num_ws, w_dim], for generators that know head world's z
            (`Generator.map`); the samples then carry w.
        folder: where renders are kept between runs. memory_mib: bound on those in memory.

    Raises:
        InputError: no seeds, repeated seeds, or a size that does not fit.
    """

    def __init__(self, seeds: Sequence[int], resolution: int, hints: Hints = Hints(), *, yaw: float | None = None,
                 pitch: float = 0.0, on_white: bool = False, drawn_share: float = 0.0, partial_share: float = 0.0,
                 alone: bool = False, flip: bool = False, latents: Callable[[Tensor], Tensor] | None = None,
                 folder: str | Path | None = None, memory_mib: float = 1024):
        check_seeds(seeds)
        if resolution < 16 or resolution % 8:
            raise InputError(f"A resolution of {resolution} was given; use a multiple of 8, at least 16.")
        self.seeds, self.resolution, self.hints = seeds, resolution, hints
        self.yaw, self.pitch, self.on_white, self.drawn_share, self.alone = yaw, pitch, on_white, drawn_share, alone
        self.partial_share = partial_share
        self.augment, self.latents = Augment(flip=flip and latents is None), latents
        self.problems: list[Problem] = []
        self.kept = KeptRows(len(seeds), self._render, key=self._key(), rows=rows_for(resolution), folder=folder,
                             memory_mib=memory_mib)

    def __len__(self) -> int:
        return len(self.seeds)

    def name(self, index: int) -> str:
        return f"head-{self.seeds[index]}"

    def rows(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """What is kept of several heads, stacked: image and mask uint8, lines, camera, attributes, z, style."""
        rows = [self.kept.row(index) for index in indices]
        stacked = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
        return {**stacked, "style": torch.tensor([self.style(index) for index in indices])}

    def style(self, index: int) -> int:
        """Place in `STYLES` of the style that item `index` is drawn in; 0 is the studio's."""
        if not self.drawn_share:
            return 0
        stream = seeded(self.seeds[index] ^ _STYLE_STREAM)
        draw = torch.rand(1, generator=stream, dtype=torch.float64).item() / self.drawn_share
        return 0 if draw >= 1 else 1 + int(draw * (len(STYLES) - 1))

    def looks(self) -> tuple[Tensor, Tensor]:
        """Attributes [N, 10] and styles [N] of all heads, without drawing them."""
        attributes = parameters_from_z(stack_seeds(self.seeds)).attributes
        return attributes, torch.tensor([self.style(index) for index in range(len(self))])

    def read(self, index: int, rng: torch.Generator) -> Sample:
        row = self.kept.row(index)
        phrasing = int(torch.randint(PHRASINGS, (1,), generator=rng))
        kind = self.hints.kind(True, rng)
        draw = torch.rand(1, generator=rng, dtype=torch.float64).item()
        told = self._told(row["attributes"].tolist(), rng)
        prompt = caption(row["attributes"].tolist(), phrasing, told, list(STYLES)[self.style(index)])
        image, mask, lines, camera = from_bytes(row["image"]), row["mask"], row["lines"].bool(), row["camera"]
        if self.augment.flip and draw < 0.5 and not names_a_side(prompt):
            image, mask, lines = image.flip(-1), flip_classes(mask), lines.flip(-1)
            camera = frame_camera(camera, Framing(flip=True))
        pixels = self.hints.pixels(self.resolution)
        hint = self.hints.draw(kind, prompt, rng, lambda: resize_classes(mask, pixels),
                               lambda: shrink_lines(lines, pixels))
        w = None if self.latents is None else self.latents(row["z"][None])[0].detach().float().cpu()
        return Sample(self.name(index), prompt, hint, kind, image, mask, camera, w, on_white=self.on_white,
                      described=told is None)

    def _told(self, attributes: Sequence[int], rng: torch.Generator) -> list[str] | None:
        """Names of the attributes that a caption tells; None is all of them."""
        if not self.partial_share or torch.rand(1, generator=rng).item() >= self.partial_share:
            return None
        share = torch.rand(1, generator=rng).item() * 1.5 - 0.5  # below 0: tells nothing
        draws = torch.rand(2, len(ATTRIBUTES), generator=rng).tolist()
        return [name for name, value, draw, absent in zip(ATTRIBUTES, attributes, *draws)
                if draw < share and (value or name not in WORN or absent < TELL_ABSENT)]

    def describe(self) -> dict:
        return {"source": "head world", "items": len(self), "skipped": 0, "resolution": self.resolution,
                "seeds": describe_seeds(self.seeds), "hints": self.hints.describe(), "yaw": self.yaw,
                "pitch": self.pitch, "on_white": self.on_white, "drawn_share": self.drawn_share,
                "partial_share": self.partial_share, "augment": dataclasses.asdict(self.augment),
                "with_w": self.latents is not None}

    def _key(self) -> dict:
        plain = {"source": "head world", "seeds": describe_seeds(self.seeds), "resolution": self.resolution,
                 "yaw": self.yaw, "pitch": self.pitch}
        return plain | ({"drawn_share": self.drawn_share} if self.drawn_share else {}) | (
            {"alone": True} if self.alone else {})

    def _render(self, rows: range) -> dict[str, Tensor]:
        seeds, names = [self.seeds[row] for row in rows], list(STYLES)
        batch = render_batch(stack_seeds(seeds), self.resolution, self._cameras(seeds),
                             style=[names[self.style(row)] for row in rows], white_background=self.alone)
        drawn = {"image": to_bytes(batch.image), "mask": batch.mask, "lines": batch.scribble[:, 0].to(torch.uint8),
                 "camera": batch.label, "attributes": batch.attributes, "z": batch.z}
        return drawn | ({"depth": batch.depth[:, 0]} if self.alone else {})

    def _cameras(self, seeds: Sequence[int]) -> Tensor | None:
        if self.yaw is None:
            return None
        return random_cameras(seeds, self.yaw, self.pitch)


def random_angles(seeds: Sequence[int], yaw: float, pitch: float) -> Tensor:
    """Yaw and pitch [B, 2] in degrees, even within `yaw` and `pitch` to each side, each pair from its own seed."""
    # Another stream than the head's own, so that poses and looks are independent.
    draws = [torch.rand(2, generator=seeded(seed ^ _CAMERA_STREAM)) for seed in seeds]
    return (torch.stack(draws) * 2 - 1) * torch.tensor([yaw, pitch])


def random_cameras(seeds: Sequence[int], yaw: float, pitch: float) -> Tensor:
    """Labels [B, 25] of cameras at `random_angles`."""
    angles = torch.deg2rad(random_angles(seeds, yaw, pitch))
    return look_at_label(angles[:, 0], angles[:, 1])
