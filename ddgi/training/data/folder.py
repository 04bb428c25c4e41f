"""Any folder of pictures, with optional captions, masks, scribbles and cameras beside them."""

from pathlib import Path

from torch import Tensor

from ...errors import InputError
from .files import Item, PictureFiles, Progress, Reading
from .framing import Framing
from .labels import camera_table, read_camera, read_captions
from .pictures import SUFFIXES, read_classes
from .sample import BrokenFile, Problem

MASK, SCRIBBLE, TABLE = "_mask", "_scribble", "dataset.json"
PARTS = ("caption", "mask", "camera")


class Folder(PictureFiles):
    """Pictures `<name>.png|jpg|jpeg|webp|bmp` anywhere below a folder; beside each, where there is one:

    - `<name>.txt`: captions, one a line; one is drawn each time. Without it, `prompt` is used.
    - `<name>_mask.png`: the 19 face classes, in CelebAMask-HQ colours or as class numbers.
    - `<name>_scribble.png`: a drawing, dark on light or light on dark. Without it, lines are drawn from the picture.
    - `<name>.json`: the camera's 25 numbers. Or `dataset.json` at the top with EG3D's labels for all.

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
        for path in _pictures(root, files, problems):
            try:
                items.append(self._item(root, path, cameras))
            except BrokenFile as error:
                broken += 1
                problems.append(Problem(error.file.relative_to(root).as_posix(), error.reason))
        super().__init__(root, items, problems, reading, progress)
        self.found += broken

    def _item(self, root: Path, path: Path, cameras: dict) -> Item:
        name = path.relative_to(root).with_suffix("").as_posix()
        caption, mask, scribble, camera_file = (path.with_name(path.stem + end) for end in
                                                (".txt", MASK + ".png", SCRIBBLE + ".png", ".json"))
        prompts = read_captions(caption) if caption.is_file() else None
        camera = read_camera(camera_file) if camera_file.is_file() else cameras.get(name)
        if isinstance(camera, BrokenFile):
            raise camera
        has = {"caption": prompts is not None, "mask": mask.is_file(), "camera": camera is not None}
        for part in self.needed:
            if not has[part]:
                raise BrokenFile(path, f"it has no {part}")
        table = (root / TABLE,) if name in cameras else ()
        texts = tuple(file for file in (caption, camera_file) if file.is_file()) + table
        return Item(name, path, prompts or (self.prompt,), (mask,) if has["mask"] else (),
                    scribble if scribble.is_file() else None, camera, texts)

    def read_mask(self, item: Item, framing: Framing | None, size: int | None) -> Tensor:
        return read_classes(item.masks[0], framing, size)

    def describe(self) -> dict:
        return {**super().describe(), "prompt": self.prompt, "needed": list(self.needed)}


def existing_folder(root: str | Path) -> Path:
    """The folder as a path, or one sentence."""
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"There is no folder {root}; check the name.")
    return root


def _pictures(root: Path, files: list[Path], problems: list[Problem]) -> list[Path]:
    """The pictures to learn from; companions without a picture and second pictures of a name become problems."""
    pictures: dict[Path, Path] = {}
    companions = []
    for path in files:
        if path.stem.endswith((MASK, SCRIBBLE)):
            companions.append(path)
        elif path.with_suffix("") in pictures:
            problems.append(Problem(path.relative_to(root).as_posix(), "another picture of that name is used instead"))
        else:
            pictures[path.with_suffix("")] = path
    for path in companions:
        end = MASK if path.stem.endswith(MASK) else SCRIBBLE
        if path.with_name(path.stem[:-len(end)]) not in pictures:
            problems.append(Problem(path.relative_to(root).as_posix(), f"the {end[1:]} has no picture"))
        elif path.suffix != ".png":
            problems.append(Problem(path.relative_to(root).as_posix(), f"the {end[1:]} must be a .png file"))
    return list(pictures.values())
