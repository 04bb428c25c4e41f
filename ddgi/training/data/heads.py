"""Head world as a source: as many captioned heads as there are seeds, with masks, scribbles and cameras."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ...cameras import look_at_label
from ...errors import InputError
from ...headworld import caption, render_batch, stack_seeds
from ...pictures import from_bytes, resize_classes, to_bytes
from ...seeds import check_seeds, describe_seeds, seeded
from .framing import Augment, Framing, flip_classes, frame_camera, names_a_side
from .hints import Hints, mask_hint
from .pictures import shrink_lines
from .rows import KeptRows, rows_for
from .sample import Items, Problem, Sample

PHRASINGS = 64                                      # wordings a caption is drawn from
_CAMERA_STREAM = 0x5EED_CA3E


class HeadWorld(Items):
    """Rendered heads; item i is seed number i. Nothing can be broken here, so `problems` stays empty.

    Args:
        seeds: a range or list, without repeats.
        resolution: pixels per side, a multiple of 8, at least 16.
        hints: scribbles are head world's own, along borders of parts and steps in depth; only their share and the
            size count.
        yaw, pitch: degrees to each side that cameras are drawn from; None is each head's own camera near the front.
        on_white: for generators that draw heads alone, see `Sample`.
        flip: mirror half of the heads, never where `latents` is given.
        latents: from head latents z [1, 64] to ws [1, num_ws, w_dim], for generators that know head world's z
            (`Generator.map`); the samples then carry w.
        folder: where renders are kept between runs. memory_mib: bound on those in memory.

    Raises:
        InputError: no seeds, repeated seeds, or a size that does not fit.
    """

    def __init__(self, seeds: Sequence[int], resolution: int, hints: Hints = Hints(), *, yaw: float | None = None,
                 pitch: float = 0.0, on_white: bool = False, flip: bool = False,
                 latents: Callable[[Tensor], Tensor] | None = None, folder: str | Path | None = None,
                 memory_mib: float = 1024):
        check_seeds(seeds)
        if resolution < 16 or resolution % 8:
            raise InputError(f"A resolution of {resolution} was given; use a multiple of 8, at least 16.")
        self.seeds, self.resolution, self.hints = seeds, resolution, hints
        self.yaw, self.pitch, self.on_white = yaw, pitch, on_white
        self.augment, self.latents = Augment(flip=flip and latents is None), latents
        self.problems: list[Problem] = []
        self.rows = KeptRows(len(seeds), self._render, key=self._key(), rows=rows_for(resolution), folder=folder,
                             memory_mib=memory_mib)

    def __len__(self) -> int:
        return len(self.seeds)

    def name(self, index: int) -> str:
        return f"head-{self.seeds[index]}"

    def read(self, index: int, rng: torch.Generator) -> Sample:
        row = self.rows.row(index)
        phrasing = int(torch.randint(PHRASINGS, (1,), generator=rng))
        kind = self.hints.kind(True, rng)
        draw = torch.rand(1, generator=rng, dtype=torch.float64).item()
        prompt = caption(row["attributes"].tolist(), phrasing)
        image, mask, lines, camera = from_bytes(row["image"]), row["mask"], row["lines"].bool(), row["camera"]
        if self.augment.flip and draw < 0.5 and not names_a_side(prompt):
            image, mask, lines = image.flip(-1), flip_classes(mask), lines.flip(-1)
            camera = frame_camera(camera, Framing(flip=True))
        pixels = self.hints.pixels(self.resolution)
        if kind == "mask":
            hint = mask_hint(resize_classes(mask, pixels))
        else:
            hint = (~shrink_lines(lines, pixels)).float().expand(3, -1, -1)
        w = None if self.latents is None else self.latents(row["z"][None])[0].detach().float().cpu()
        return Sample(self.name(index), prompt, hint, kind, image, mask, camera, w, on_white=self.on_white)

    def describe(self) -> dict:
        return {"source": "head world", "items": len(self), "skipped": 0, "resolution": self.resolution,
                "seeds": describe_seeds(self.seeds), "hints": self.hints.describe(), "yaw": self.yaw,
                "pitch": self.pitch, "on_white": self.on_white,
                "augment": dataclasses.asdict(self.augment), "with_w": self.latents is not None}

    def _key(self) -> dict:
        return {"source": "head world", "seeds": describe_seeds(self.seeds), "resolution": self.resolution,
                "yaw": self.yaw, "pitch": self.pitch}

    def _render(self, rows: range) -> dict[str, Tensor]:
        seeds = [self.seeds[row] for row in rows]
        batch = render_batch(stack_seeds(seeds), self.resolution, self._cameras(seeds))
        return {"image": to_bytes(batch.image), "mask": batch.mask, "lines": batch.scribble[:, 0].to(torch.uint8),
                "camera": batch.label, "attributes": batch.attributes, "z": batch.z}

    def _cameras(self, seeds: Sequence[int]) -> Tensor | None:
        if self.yaw is None:
            return None
        angles = torch.deg2rad(random_angles(seeds, self.yaw, self.pitch))
        return look_at_label(angles[:, 0], angles[:, 1])


def random_angles(seeds: Sequence[int], yaw: float, pitch: float) -> Tensor:
    """Yaw and pitch [B, 2] in degrees, even within `yaw` and `pitch` to each side, each pair from its own seed."""
    # Another stream than the head's own, so that poses and looks are independent.
    draws = [torch.rand(2, generator=seeded(seed ^ _CAMERA_STREAM)) for seed in seeds]
    return (torch.stack(draws) * 2 - 1) * torch.tensor([yaw, pitch])
