"""The `[data]` table of a recipe, and the source of samples that it describes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from ..config import check_choice, check_count, check_share
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
        count, first_seed: how many samples, and the first one's seed, for sources that draw them.
        mask_share: share of mask hints, the others are scribbles; -1 takes what the source can give.
        no_hint_share: share of samples that are read without a hint, so that words count by themselves.
        rough_share: share of hints that are drawn as by hand: parts of other sizes and places, some left out, thick
            or broken lines. leave_out: how often a part is missing there that the prompt names.
        hint_size: pixels per side of hints; 0 is what the ControlNet needs.
        flip: mirror half of the pictures.
        grammar: "faces", "head-world" or a file, for the prompts of generator samples.
        segmenter: file of judges that draws the masks of generator samples.
        known_w: whether head-world samples carry the generator's latent of their z (the demo generators only).
    """

    source: str = "generator"
    root: str = ""
    captions: str = ""
    prompt: str = "a photo of a face"
    masks: str = READINGS[0]
    count: int = 10_000
    first_seed: int = 1_000_000
    mask_share: float = -1.0
    no_hint_share: float = 0.2
    rough_share: float = 0.35
    leave_out: float = 0.3
    hint_size: int = 0
    flip: bool = False
    grammar: str = "faces"
    segmenter: str = ""
    known_w: bool = False

    def __post_init__(self):
        check_choice("source", self.source, SOURCES)
        if self.source in ("folder", "celebamask-hq") and not self.root:
            raise InputError(f"source is {self.source!r} but root is empty; give the folder of the pictures.")
        check_count("count", self.count, 2, MOST_SAMPLES)  # one of them is held out
        check_count("first_seed", self.first_seed, 0, 2 ** 48)
        check_count("hint_size", self.hint_size, 0, 8192)
        for name in ("no_hint_share", "rough_share", "leave_out"):
            check_share(name, getattr(self, name))
        check_choice("masks", self.masks, READINGS)
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
                     size=table.hint_size or self.hint_size, no_hint_share=table.no_hint_share,
                     rough_share=table.rough_share, leave_out=table.leave_out)

    def reading(self) -> Reading:
        return Reading(self.size, self.hints(), Augment(flip=self.table.flip), self.table.masks)


def _own_samples(given: Setting) -> Source:
    table = given.table
    grammar = GRAMMARS[table.grammar]() if table.grammar in GRAMMARS else Grammar.load(table.grammar)
    segmenter, name = _segmenter(table.segmenter, given.generator.w_avg.device)
    return GeneratorSamples(given.generator, grammar, given.seeds, given.size, given.hints(segmenter is not None),
                            segmenter=segmenter, segmenter_name=name, folder=given.folder)


def _folder(given: Setting) -> Source:
    return Folder(given.table.root, given.reading(), prompt=given.table.prompt, progress=given.progress)


def _celebamask_hq(given: Setting) -> Source:
    return CelebAMaskHQ(given.table.root, given.reading(), captions=given.table.captions or None,
                        prompt=given.table.prompt, progress=given.progress)


def _heads(given: Setting) -> Source:
    generator = given.generator
    return HeadWorld(given.seeds, given.size, given.hints(), on_white=generator.is_3d, flip=given.table.flip,
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
