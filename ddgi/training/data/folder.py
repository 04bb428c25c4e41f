"""Any folder of pictures, with optional captions, masks, scribbles and cameras beside them."""

from pathlib import Path

from torch import Tensor

from ...errors import InputError
from ...facemask import ORDERS, READINGS
from .files import Item, PictureFiles, Progress, Reading
from .framing import Framing
from .labels import camera_table, read_camera, read_captions
from .pictures import SUFFIXES, likely_order_of, read_classes
from .sample import BrokenFile, Problem

MASK, SCRIBBLE, TABLE = "_mask", "_scribble", "dataset.json"
PARTS = ("caption", "mask", "camera")
IMAGES = "images"
BESIDE_IMAGES = {"masks": "mask", "labels": "mask", "seg": "mask", "scribbles": "scribble"}
_ASKED = 16                                         # masks that tell the order of class numbers together


class Folder(PictureFiles):
    """Pictures `<name>.png|jpg|jpeg|webp|bmp` anywhere below a folder; beside each, where there is one:

    - `<name>.txt`: captions, one a line; one is drawn each time. Without it, `prompt` is used.
    - `<name>_mask.png`: the 19 face classes, in CelebAMask-HQ colours or as class numbers.
    - `<name>_scribble.png`: a drawing, dark on light or light on dark. Without it, lines are drawn from the picture.
    - `<name>.json`: the camera's 25 numbers. Or `dataset.json` at the top with EG3D's labels for all.

    Where pictures lie in a folder `images`, masks may lie in `masks`, `labels` or `seg` beside it, and scribbles in
    `scribbles`, under the same names. Pictures that are face masks themselves are never taken for faces.

    Args:
        root: the folder.
        reading: resolution, hints and checks.
        prompt: for pictures without a caption.
        needed: "caption", "mask", "camera": items without it are skipped and listed.
        progress: called with (done, total) while the files are checked.

    Raises:
        InputError: no folder, an unknown part, a broken table, or nothing usable.
    """

    kind = "folder"

    def __init__(self, root: str | Path, reading: Reading, *, prompt: str = "a photo of a face",
                 needed: tuple[str, ...] = (), progress: Progress | None = None):
        root = existing_folder(root)
        unknown = set(needed) - set(PARTS)
        if unknown:
            raise InputError(f"The needed part {sorted(unknown)[0]!r} is not known; choose among {', '.join(PARTS)}.")
        problems: list[Problem] = []
        cameras = camera_table(root / TABLE) if (root / TABLE).is_file() else {}
        self.prompt, self.needed = prompt, tuple(needed)
        files = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()
                       and not any(part.startswith(".") for part in path.relative_to(root).parts))
        items, broken = [], 0
        for path, mask, scribble in _arranged(root, files, problems):
            try:
                items.append(self._item(root, path, mask, scribble, cameras))
            except BrokenFile as error:
                broken += 1
                problems.append(Problem(error.file.relative_to(root).as_posix(), error.reason))
        masks = [item.masks[0] for item in items if item.masks]
        some = masks[::1 + len(masks) // _ASKED] if masks and reading.masks == READINGS[0] else []
        self.order, reason = likely_order_of(some)
        super().__init__(root, items, problems, reading, progress)
        self.found += broken
        if reason:
            self.notes = [f"the masks are read in the {self.order} order of face parsers, because in the "
                          f"{ORDERS[0]} order {reason}"]

    def _item(self, root: Path, path: Path, mask: Path | None, scribble: Path | None, cameras: dict) -> Item:
        name = path.relative_to(root).with_suffix("").as_posix()
        caption, camera_file = path.with_name(path.stem + ".txt"), path.with_name(path.stem + ".json")
        prompts = read_captions(caption) if caption.is_file() else None
        camera = read_camera(camera_file) if camera_file.is_file() else cameras.get(name)
        if isinstance(camera, BrokenFile):
            raise camera
        has = {"caption": prompts is not None, "mask": mask is not None, "camera": camera is not None}
        for part in self.needed:
            if not has[part]:
                raise BrokenFile(path, f"it has no {part}")
        table = (root / TABLE,) if name in cameras else ()
        texts = tuple(file for file in (caption, camera_file) if file.is_file()) + table
        return Item(name, path, prompts or (self.prompt,), (mask,) if mask else (), scribble, camera, texts)

    def read_mask(self, item: Item, framing: Framing | None, size: int | None) -> Tensor:
        return read_classes(item.masks[0], framing, size, self.reading.masks, self.order)

    def describe(self) -> dict:
        return {**super().describe(), "prompt": self.prompt, "needed": list(self.needed), "masks": self.reading.masks,
                "mask_order": self.order}


def existing_folder(root: str | Path) -> Path:
    """The folder as a path, or one sentence."""
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"There is no folder {root}; check the name.")
    return root


def _arranged(root: Path, files: list[Path], problems: list[Problem]) -> list[tuple[Path, Path | None, Path | None]]:
    """Each picture with its mask and its scribble.

    Second files of a name, and masks and scribbles without a picture, become problems.
    """
    folders = {(folder.parent, folder.name.lower()): folder for folder in {path.parent for path in files}
               for folder in (folder, *folder.parents)}
    found: dict[str, dict[Path, Path]] = {"picture": {}, "mask": {}, "scribble": {}}
    for path in files:
        kind, name = _role(root, path, folders)
        if name in found[kind]:
            reason = f"another {kind} of that name is used instead"
            problems.append(Problem(path.relative_to(root).as_posix(), reason))
        else:
            found[kind][name] = path
    for kind in ("mask", "scribble"):
        problems += [Problem(path.relative_to(root).as_posix(), f"the {kind} has no picture")
                     for name, path in found[kind].items() if name not in found["picture"]]
    return [(path, found["mask"].get(name), found["scribble"].get(name)) for name, path in found["picture"].items()]


def _role(root: Path, path: Path, folders: dict[tuple[Path, str], Path]) -> tuple[str, Path]:
    """("picture", "mask" or "scribble", the path of the picture that it belongs to, without suffix)."""
    parts = path.relative_to(root).parts
    name, kind = path.with_suffix(""), "picture"
    for end, meaning in ((MASK, "mask"), (SCRIBBLE, "scribble")):
        if path.stem.endswith(end):
            name, kind = path.with_name(path.stem[:-len(end)]), meaning
    for depth, part in enumerate(parts[:-1]):
        above = root.joinpath(*parts[:depth])
        images = folders.get((above, IMAGES))
        if part.lower() in BESIDE_IMAGES and images is not None:
            return BESIDE_IMAGES[part.lower()], images / name.relative_to(above / part)
    return kind, name
