"""The CelebAMask-HQ layout: pictures, one mask file per part, and captions; read, and written by head world."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from PIL import Image
from torch import Tensor

from ...errors import InputError
from ...files import write_text
from ...headworld import caption, render_batch
from ...pictures import resize_classes, to_bytes
from .files import Item, PictureFiles, Progress, Reading
from .folder import TABLE, existing_folder
from .framing import Framing, flip_classes
from .labels import camera_table, caption_table, read_captions
from .pictures import nearest, open_picture
from .sample import BrokenFile, Problem

IMAGES, MASKS, CAPTIONS, CAPTION_TABLE = "CelebA-HQ-img", "CelebAMask-HQ-mask-anno", "celeba-caption", "captions.json"
# File names of classes 1 to 18, in order; a later part covers an earlier one.
PART_NAMES = ("skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear", "mouth", "u_lip",
              "l_lip", "hair", "hat", "ear_r", "neck_l", "neck", "cloth")
PER_FOLDER = 2000                                   # pictures whose parts share a folder
CAPTION_LINES = 10
_WRITE_BATCH = 16


class CelebAMaskHQ(PictureFiles):
    """A data set in the layout of CelebAMask-HQ, with the captions of Multi-Modal CelebA-HQ:

    - `CelebA-HQ-img/<i>.jpg` (or .png)
    - `CelebAMask-HQ-mask-anno/<i // 2000>/<i:05d>_<part>.png`, bright where the part is; absent parts have no file
    - `celeba-caption/<i>.txt`, one caption a line, one of which is drawn each time
    - for EG3D, `dataset.json` with a label for each `<i>.jpg`

    Args:
        root: the folder that holds these.
        reading: resolution, hints and checks.
        captions: another folder of text files, or a JSON file {"<i>.jpg": "caption" or [captions]}. None takes
            `celeba-caption`, else `captions.json`, else `prompt` for all.
        prompt: without any captions.
        need_camera: skip and list pictures without a camera.
        progress: called with (done, total) while the files are checked.

    Raises:
        InputError: no such layout, a broken table, or nothing usable.
    """

    kind = "CelebAMask-HQ"

    def __init__(self, root: str | Path, reading: Reading, *, captions: str | Path | None = None,
                 prompt: str = "a photo of a face", need_camera: bool = False, progress: Progress | None = None):
        root = existing_folder(root)
        if not (root / IMAGES).is_dir():
            raise InputError(f"{root} has no folder {IMAGES}, so it is not laid out as CelebAMask-HQ; give the folder "
                             f"that holds {IMAGES} and {MASKS}, or read it as a plain folder.")
        problems: list[Problem] = []
        self.prompt = prompt
        self._captions = _caption_reader(root, captions)
        self._cameras = root / TABLE
        cameras = camera_table(self._cameras) if self._cameras.is_file() else {}
        parts, items, broken = _part_files(root / MASKS, problems), [], 0
        for path in _numbered_pictures(root / IMAGES, problems):
            try:
                items.append(self._item(path, parts, cameras, need_camera))
            except BrokenFile as error:
                broken += 1
                file = error.file.relative_to(root) if error.file.is_relative_to(root) else error.file
                problems.append(Problem(file.as_posix(), error.reason))
        super().__init__(root, items, problems, reading, progress)
        self.found += broken

    def _item(self, path: Path, parts: dict[int, list[Path]], cameras: dict, need_camera: bool) -> Item:
        found = parts.get(int(path.stem), [])
        if not found:
            raise BrokenFile(path, "it has no mask parts")
        if _part_class(found[0].stem) != 1:
            raise BrokenFile(path, "its mask has no skin part")
        camera = cameras.get(path.stem)
        if isinstance(camera, BrokenFile):
            raise camera
        if need_camera and camera is None:
            raise BrokenFile(path, "it has no camera")
        prompts, texts = ((self.prompt,), ()) if self._captions is None else self._captions(path)
        table = () if camera is None else (self._cameras,)
        return Item(path.stem, path, prompts, tuple(found), None, camera, texts + table)

    def read_mask(self, item: Item, framing: Framing | None, size: int | None) -> Tensor:
        return merge_parts(item.masks, framing, size)

    def describe(self) -> dict:
        return {**super().describe(), "captions": self._captions is not None}


def merge_parts(files: Sequence[Path], framing: Framing | None, size: int | None) -> Tensor:
    """Classes uint8 [size, size] of part files in the order of `PART_NAMES`; both None: as they are.

    Raises:
        BrokenFile: a file is damaged or of another size than the first.
    """
    classes, shape = None, None
    for path in files:
        picture = open_picture(path)
        if shape not in (None, picture.size):
            raise BrokenFile(path, "its shape is not that of the other parts")
        shape = picture.size
        picture = picture.convert("L")
        part = np.asarray(picture if size is None else nearest(picture, framing, size)) > 127
        classes = np.zeros(part.shape, dtype=np.uint8) if classes is None else classes
        classes[part] = _part_class(path.stem)
    mask = torch.from_numpy(classes)
    return flip_classes(mask) if framing is not None and framing.flip else mask


def _part_class(stem: str) -> int:
    return PART_NAMES.index(stem.split("_", 1)[1]) + 1


def _numbered_pictures(folder: Path, problems: list[Problem]) -> list[Path]:
    """`<i>.jpg` or `.png` by number; what has another name is a problem."""
    pictures: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in (".jpg", ".jpeg", ".png"):
            continue
        file = path.relative_to(folder.parent).as_posix()
        if not (path.stem.isascii() and path.stem.isdigit()):
            problems.append(Problem(file, "its name is no number"))
        elif int(path.stem) in pictures:
            problems.append(Problem(file, "another picture of that number is used instead"))
        else:
            pictures[int(path.stem)] = path
    return [pictures[number] for number in sorted(pictures)]


def _part_files(folder: Path, problems: list[Problem]) -> dict[int, list[Path]]:
    """{number: part files in the order of their classes}, from one listing: real sets have 390,000 files."""
    if not folder.is_dir():
        raise InputError(f"{folder.parent} has no folder {folder.name}; give the folder of a whole CelebAMask-HQ.")
    parts: dict[int, list[Path]] = {}
    for where, _, names in sorted(os.walk(folder)):
        for name in names:
            number, _, part = Path(name).stem.partition("_")
            if not name.endswith(".png"):
                continue
            if not number.isdigit() or part not in PART_NAMES:
                file = (Path(where) / name).relative_to(folder.parent).as_posix()
                problems.append(Problem(file, "its name is no number and part"))
                continue
            parts.setdefault(int(number), []).append(Path(where) / name)
    return {number: sorted(files, key=lambda path: _part_class(path.stem)) for number, files in parts.items()}


def _caption_reader(root: Path, captions: str | Path | None):
    """A function from a picture to its captions and the files they are in, or None where the data set has none."""
    if captions is None:
        captions = next((root / name for name in (CAPTIONS, CAPTION_TABLE) if (root / name).exists()), None)
        if captions is None:
            return None
    captions = Path(captions)
    if captions.is_dir():
        def read(picture: Path) -> tuple[tuple[str, ...], tuple[Path, ...]]:
            file = captions / f"{picture.stem}.txt"
            return read_captions(file), (file,)
        return read
    table = caption_table(captions)

    def look_up(picture: Path) -> tuple[tuple[str, ...], tuple[Path, ...]]:
        if picture.stem not in table:
            raise BrokenFile(picture, "the caption is missing")
        if not table[picture.stem]:
            raise BrokenFile(picture, "the caption is empty")
        return table[picture.stem], (captions,)

    return look_up


def write_celebamask_hq(folder: str | Path, seeds: Sequence[int], *, resolution: int = 256,
                        mask_resolution: int | None = None, progress: Progress | None = None) -> None:
    """Head world in the CelebAMask-HQ layout, with captions and cameras; picture i is seed number i.

    Args:
        folder: made if needed; files of the same names are replaced.
        seeds: of the heads.
        resolution: pixels per side of the pictures (1024 in the real set), a multiple of 8, at least 16.
        mask_resolution: pixels per side of the masks (512 in the real set); None is `resolution`.
        progress: called with (done, total).
    """
    folder = Path(folder)
    labels = []
    for start in range(0, len(seeds), _WRITE_BATCH):
        batch = render_batch(list(seeds[start:start + _WRITE_BATCH]), resolution)
        for row, number in enumerate(range(start, start + len(batch.z))):
            _write_picture(folder / IMAGES / f"{number}.jpg", batch.image[row])
            _write_parts(folder / MASKS / str(number // PER_FOLDER), number, batch.mask[row], mask_resolution)
            lines = [caption(batch.attributes[row].tolist(), line) for line in range(CAPTION_LINES)]
            (folder / CAPTIONS).mkdir(parents=True, exist_ok=True)
            (folder / CAPTIONS / f"{number}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
            labels.append([f"{number}.jpg", batch.label[row].tolist()])
        if progress is not None:
            progress(len(labels), len(seeds))
    write_text(folder / TABLE, json.dumps({"labels": labels}))


def _write_picture(path: Path, image: Tensor) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rearrange(to_bytes(image), "c h w -> h w c").numpy()).save(path, quality=95, subsampling=0)


def _write_parts(folder: Path, number: int, mask: Tensor, size: int | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if size is not None:
        mask = resize_classes(mask, size)
    for index, part in enumerate(PART_NAMES, 1):
        path = folder / f"{number:05d}_{part}.png"
        if (mask == index).any():
            Image.fromarray((mask == index).to(torch.uint8).mul(255).numpy()).save(path)
        else:
            path.unlink(missing_ok=True)
