"""The `[data]` table of a recipe, and the source of samples that it describes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from ..config import check_choice, check_count, check_number, check_share
from ..errors import InputError
from ..evaluation.judges import load_judges
from ..facemask import READINGS
from ..files import file_digest
from ..gan import Generator
from .data import (
    Augment,
    CelebAMaskHQ,
    Folder,
    GeneratorSamples,
    Grammar,
    HeadWorld,
    Hints,
    Reading,
    Source,
    faces,
    head_world,
)
from .data.files import CHECKS
from .data.hints import SCRIBBLE_FROM

MOST_SAMPLES = 10_000_000
GRAMMARS = {"faces": faces, "head-world": head_world}


@dataclass(frozen=True)
class DataTable:
    """Where samples come from.

    Attributes:
        source: "generator": its own samples, no data needed; "folder": pictures with what lies beside them;
            "celebamask-hq": that layout; "head-world": procedural heads.
        root: the folder of pictures. captions: for CelebAMask-HQ, another folder or a JSON file.
        prompt: for pictures without a caption.
        masks: how the masks of a folder are read, one of `ddgi.facemask.READINGS`.
        needed: "caption", "mask", "camera", apart by commas: pictures without them are skipped. min_side: so are
            smaller ones; 0 is half the generator's size. check: how files are looked at first, see `Reading`.
        count, first_seed: how many samples, and the first one's seed, for sources that draw them.
        mask_share: share of mask hints, the others are scribbles; -1 takes what the source can give.
        no_hint_share: share of samples that are read without a hint, so that words count by themselves.
        rough_share: share of hints that are drawn as by hand: parts of other sizes and places, some left out, thick
            or broken lines. leave_out: how often a part is missing there that the prompt names.
        hint_size: pixels per side of hints; 0 is what the ControlNet needs.
        scribble_from, scribble_threshold, scribble_detail, scribble_thickness: how scribbles are drawn, see `Hints`.
        flip: mirror half of the pictures. crop: smallest share of the side that is kept of files, see `Augment`.
        truncation_low, truncation_high: what each of the generator's samples is truncated by, evenly in between; 0 are
            average faces, 1 all that it knows. yaw, pitch: degrees to each side that it is seen from, in 3D.
        drawn_share: share of head-world samples in drawn styles. partial_share: share of their captions that name
            only some of what is seen, or nothing.
        grammar: "faces", "head-world" or a file, for the prompts of generator samples.
        segmenter: file of judges that draws the masks of generator samples.
        known_w: whether head-world samples carry the generator's latent of their z (the demo generators only).
    """

    source: str = "generator"
    root: str = ""
    captions: str = ""
    prompt: str = "a photo of a face"
    masks: str = READINGS[0]
    needed: str = ""
    min_side: int = 0
    check: str = CHECKS[0]
    count: int = 10_000
    first_seed: int = 1_000_000
    mask_share: float = -1.0
    no_hint_share: float = 0.2
    rough_share: float = 0.35
    leave_out: float = 0.3
    hint_size: int = 0
    scribble_from: str = Hints.scribble_from
    scribble_threshold: float = Hints.threshold
    scribble_detail: float = Hints.detail
    scribble_thickness: int = Hints.thickness
    flip: bool = False
    crop: float = 1.0
    truncation_low: float = 0.7
    truncation_high: float = 1.0
    yaw: float = 30.0
    pitch: float = 12.0
    drawn_share: float = 0.0
    partial_share: float = 0.0
    grammar: str = "faces"
    segmenter: str = ""
    known_w: bool = False

    def __post_init__(self):
        check_choice("source", self.source, SOURCES)
        if self.source in ("folder", "celebamask-hq") and not self.root:
            raise InputError(f"source is {self.source!r} but root is empty; give the folder of the pictures.")
        check_count("count", self.count, 2, MOST_SAMPLES)  # one of them is held out
        check_count("first_seed", self.first_seed, 0, 2 ** 48)
        for name in ("hint_size", "min_side"):
            check_count(name, getattr(self, name), 0, 8192)
        for name in ("no_hint_share", "rough_share", "leave_out", "drawn_share", "partial_share", "crop"):
            check_share(name, getattr(self, name))
        for name, choices in (("masks", READINGS), ("check", CHECKS), ("scribble_from", SCRIBBLE_FROM)):
            check_choice(name, getattr(self, name), choices)
        for name, most in (("truncation_low", 10), ("truncation_high", 10), ("yaw", 180), ("pitch", 90),
                           ("scribble_threshold", 1), ("scribble_detail", 100)):
            check_number(name, getattr(self, name), least=0, most=most)
        check_count("scribble_thickness", self.scribble_thickness, 1, 256)
        if self.mask_share != -1 and not 0 <= self.mask_share <= 1:
            raise InputError(f"mask_share is {self.mask_share}; it is a share 0 to 1, or -1.")


@dataclass(frozen=True)
class Setting:
    """What a source of a training is opened with.

    Attributes:
        generator: its size is the pictures' size. folder: where rendered samples are kept between runs.
        progress: called with (done, total) while files are checked, or None.
    """

    table: DataTable
    generator: Generator
    hint_size: int
    folder: Path
    progress: Callable[[int, int], None] | None = None

    @property
    def size(self) -> int:
        return self.generator.config.img_resolution

    @property
    def seeds(self) -> range:
        return range(self.table.first_seed, self.table.first_seed + self.table.count)

    def hints(self, masks: bool = True) -> Hints:
        """As the table says; `masks`: whether the source has any."""
        table, share = self.table, self.table.mask_share
        return Hints(mask_share=(0.5 if masks else 0.0) if share == -1 else share,
                     size=table.hint_size or self.hint_size, scribble_from=table.scribble_from,
                     threshold=table.scribble_threshold, detail=table.scribble_detail,
                     thickness=table.scribble_thickness, no_hint_share=table.no_hint_share,
                     rough_share=table.rough_share, leave_out=table.leave_out)

    def reading(self) -> Reading:
        table = self.table
        return Reading(self.size, self.hints(), Augment(flip=table.flip, crop=table.crop), table.masks,
                       table.min_side or None, table.check)

    @property
    def needed(self) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.table.needed.split(",") if part.strip())


def _own_samples(given: Setting) -> Source:
    table = given.table
    grammar = GRAMMARS[table.grammar]() if table.grammar in GRAMMARS else Grammar.load(table.grammar)
    segmenter, name = _segmenter(table.segmenter, given.generator.w_avg.device)
    return GeneratorSamples(given.generator, grammar, given.seeds, given.size, given.hints(segmenter is not None),
                            segmenter=segmenter, segmenter_name=name, yaw=table.yaw, pitch=table.pitch,
                            truncation_psi=(table.truncation_low, table.truncation_high), folder=given.folder)


def _folder(given: Setting) -> Source:
    return Folder(given.table.root, given.reading(), prompt=given.table.prompt, needed=given.needed,
                  progress=given.progress)


def _celebamask_hq(given: Setting) -> Source:
    return CelebAMaskHQ(given.table.root, given.reading(), captions=given.table.captions or None,
                        prompt=given.table.prompt, need_camera="camera" in given.needed, progress=given.progress)


def _heads(given: Setting) -> Source:
    generator = given.generator
    return HeadWorld(given.seeds, given.size, given.hints(), on_white=generator.is_3d,
                     drawn_share=given.table.drawn_share, partial_share=given.table.partial_share,
                     flip=given.table.flip,
                     latents=(lambda z: generator.map(z)) if given.table.known_w else None, folder=given.folder)


# To add a source, write a function and name it here.
SOURCES: dict[str, Callable[[Setting], Source]] = {
    "generator": _own_samples, "folder": _folder, "celebamask-hq": _celebamask_hq, "head-world": _heads}


def open_source(table: DataTable, generator: Generator, hint_size: int, folder: Path,
                progress: Callable[[int, int], None] | None = None) -> Source:
    """The source of a table; the arguments are those of `Setting`.

    Raises:
        InputError: no usable data there.
    """
    return SOURCES[table.source](Setting(table, generator, hint_size, folder, progress))


def _segmenter(file: str, device: torch.device):
    """(pictures to classes, its name) of a judges file, or (None, "")."""
    if not file:
        return None, ""
    judges = load_judges(file).to(device)
    name = f"{Path(file).name} {file_digest(file)}"  # another file of the same name is another segmenter
    return (lambda pictures: judges.segmenter(judges.fit(pictures.to(device))).argmax(1)), name
