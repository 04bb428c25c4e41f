"""Samples of picture files with what lies beside them, checked before anything long starts."""

import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...errors import InputError
from ...facemask import READINGS
from ...files import file_digest
from .framing import Augment, Framing, frame, frame_camera
from .hints import Hints
from .pictures import check_face, open_picture, picture_size, read_image, read_scribble
from .sample import BrokenFile, Items, Problem, Sample, problem_lines

CHECKS = ("auto", "quick", "full")
FULL_CHECK_ITEMS = 2000                             # "auto" decodes everything up to this many items
ASPECT_TOLERANCE = 0.01
_BATCH = 256                                        # items between two calls of `progress`

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Item:
    """The files of one sample: a picture, its prompts, and what else there is."""

    name: str
    image: Path
    prompts: tuple[str, ...]
    masks: tuple[Path, ...] = ()
    scribble: Path | None = None
    camera: Tensor | None = None
    texts: tuple[Path, ...] = ()                    # where prompts and camera were read from


@dataclass(frozen=True)
class Reading:
    """How picture files are read.

    Attributes:
        resolution: pixels per side of images and masks. Other sizes are resampled; of other aspects the largest
            centred square is used.
        hints: see `Hints`.
        augment: see `Augment`.
        masks: how mask files are read, one of `ddgi.facemask.READINGS`; "auto" finds the order of class numbers once
            for all files of a set.
        min_side: pictures whose shorter side is below it are skipped; None is half the resolution.
        check: "full" decodes every file up front, "quick" reads headers, texts and tables only, "auto" is full for
            up to `FULL_CHECK_ITEMS` items.
    """

    resolution: int
    hints: Hints = Hints()
    augment: Augment = Augment()
    masks: str = READINGS[0]
    min_side: int | None = None
    check: str = "auto"

    def __post_init__(self):
        if self.resolution < 8:
            raise InputError(f"A resolution of {self.resolution} was given; it must be at least 8 pixels.")
        if self.masks not in READINGS:
            raise InputError(f"Masks were to be read as {self.masks!r}; choose one of {', '.join(READINGS)}.")
        if self.check not in CHECKS:
            raise InputError(f"The check {self.check!r} is not known; choose one of {', '.join(CHECKS)}.")

    @property
    def smallest(self) -> int:
        return self.resolution // 2 if self.min_side is None else self.min_side


class PictureFiles(Items):
    """The base of sources made of files; a subclass finds the items and reads their masks."""

    kind = "files"

    def __init__(self, root: Path, items: Sequence[Item], problems: list[Problem], reading: Reading,
                 progress: Progress | None = None):
        self.root, self.reading, self.problems = root, reading, problems
        if reading.augment.crop < 0.5 and any(item.camera is not None for item in items):
            raise InputError(f"A crop of {reading.augment.crop} can leave out the middle of a camera's picture; use "
                             f"0.5 or more for pictures with cameras.")
        found = len(items)
        self.items = self._check(items, progress)
        self.found = found
        if not self.items:
            worst = "; ".join(problem_lines(problems, 3)[:3])
            raise InputError(f"No usable picture was found in {root}" + (f" ({worst})." if worst else ".")
                             + " Check the folder and the layout.")

    def read_mask(self, item: Item, framing: Framing | None, size: int | None) -> Tensor:
        """Classes uint8 [size, size] of an item that has masks; both None: as it is on disk, [h, w]."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.items)

    def name(self, index: int) -> str:
        return self.items[index].name

    def label(self, file: Path) -> str:
        return Path(file).relative_to(self.root).as_posix() if Path(file).is_relative_to(self.root) else str(file)

    def read(self, index: int, rng: torch.Generator) -> Sample:
        """Item `index`; raises BrokenFile where one of its files cannot be read."""
        item, size = self.items[index], self.reading.resolution
        prompt = item.prompts[int(torch.randint(len(item.prompts), (1,), generator=rng))]
        kind = self.reading.hints.kind(bool(item.masks), rng)
        picture = open_picture(item.image)
        check_face(picture, item.image)
        framing = frame(picture.size, prompt, self.reading.augment, rng)
        pixels = self.reading.hints.pixels(size)
        image = read_image(picture, framing, size)
        mask = self.read_mask(item, framing, size) if item.masks else None

        def classes() -> Tensor:
            return mask if pixels == size else self.read_mask(item, framing, pixels)

        def lines() -> Tensor:
            if item.scribble is not None:
                return read_scribble(item.scribble, framing, pixels)
            borders = self.reading.hints.scribble_from == "mask" and item.masks
            close = image if pixels == size else read_image(picture, framing, pixels)
            return self.reading.hints.lines(close, classes() if borders else None)

        hint = self.reading.hints.draw(kind, prompt, rng, classes if item.masks else None, lines,
                                       by_hand=item.scribble is not None)
        camera = None if item.camera is None else frame_camera(item.camera, framing)
        return Sample(item.name, prompt, hint, kind, image, mask, camera)

    def contents(self, progress: Progress) -> dict[str, str]:
        """A digest of each file that an item is read from."""
        files = sorted({path for item in self.items for path in (item.image, *item.masks, item.scribble, *item.texts)
                        if path is not None})
        digests = {}
        with ThreadPoolExecutor(max(1, torch.get_num_threads())) as pool:
            for start in range(0, len(files), _BATCH):
                some = files[start:start + _BATCH]
                digests |= zip(map(self.label, some), pool.map(file_digest, some))
                progress(len(digests), len(files))
        return digests

    def describe(self) -> dict:
        return {"source": self.kind, "folder": self.root.name, "items": len(self),
                "skipped": self.found - len(self), "with_mask": sum(bool(item.masks) for item in self.items),
                "with_camera": sum(item.camera is not None for item in self.items),
                "resolution": self.reading.resolution, "hints": self.reading.hints.describe(),
                "augment": dataclasses.asdict(self.reading.augment)}

    def _check(self, items: Sequence[Item], progress: Progress | None) -> list[Item]:
        """Items whose files are usable; the others go to `problems`."""
        thorough = self.reading.check == "full" or (self.reading.check == "auto" and len(items) <= FULL_CHECK_ITEMS)
        kept = []

        def problem_of(item: Item) -> BrokenFile | None:
            try:
                return self._check_item(item, thorough)
            except BrokenFile as broken:
                return broken

        # Decoding leaves Python's lock alone, so threads help.
        with ThreadPoolExecutor(max(1, torch.get_num_threads())) as pool:
            for start in range(0, len(items), _BATCH):
                batch = items[start:start + _BATCH]
                for item, broken in zip(batch, pool.map(problem_of, batch)):
                    if broken is None:
                        kept.append(item)
                    else:
                        self.problems.append(Problem(self.label(broken.file), broken.reason))
                if progress is not None:
                    progress(min(start + _BATCH, len(items)), len(items))
        return kept

    def _check_item(self, item: Item, thorough: bool) -> None:
        if thorough:
            picture = open_picture(item.image)
            check_face(picture, item.image)
        size = picture.size if thorough else picture_size(item.image, thorough)
        if min(size) < max(self.reading.smallest, 1):
            raise BrokenFile(item.image, f"the picture is smaller than {self.reading.smallest} pixels")
        if item.camera is not None and size[0] != size[1]:
            raise BrokenFile(item.image, "the picture has a camera but is not square")
        beside = [path for path in (*item.masks, item.scribble) if path is not None]
        for path in beside if thorough else beside[:1]:
            other = picture_size(path, thorough, masks=path in item.masks)
            if abs(other[0] * size[1] / (other[1] * size[0]) - 1) > ASPECT_TOLERANCE:
                raise BrokenFile(path, "its shape is not that of its picture")
        if thorough and item.masks and not self.read_mask(item, None, None).any():
            raise BrokenFile(item.masks[0], "the whole mask is background")
        if thorough and item.scribble is not None:
            read_scribble(item.scribble, Framing(), self.reading.resolution)
