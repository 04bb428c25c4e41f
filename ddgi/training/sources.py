"""The `[data]` table of a recipe, and the source of samples that it describes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from ..config import check_choice, check_count, check_share
from ..errors import InputError
from ..evaluation.judges import load_judges
from ..files import file_digest
from ..gan import Generator
from .data import Augment, CelebAMaskHQ, Folder, GeneratorSamples, Grammar, HeadWorld, Hints, Reading, faces, head_world

SOURCES = ("generator", "folder", "celebamask-hq", "head-world")
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
        if self.mask_share != -1 and not 0 <= self.mask_share <= 1:
            raise InputError(f"mask_share is {self.mask_share}; it is a share 0 to 1, or -1.")


def open_source(table: DataTable, generator: Generator, hint_size: int, folder: Path,
                progress: Callable[[int, int], None] | None = None):
    """The source of a table.

    Args:
        generator: its size is the pictures' size; it draws the samples of "generator".
        hint_size: pixels per side of hints, unless the table says otherwise.
        folder: where rendered samples are kept between runs.

    Raises:
        InputError: no usable data there.
    """
    size, seeds = generator.config.img_resolution, range(table.first_seed, table.first_seed + table.count)
    masks = table.source != "generator" or bool(table.segmenter)
    share = (0.5 if masks else 0.0) if table.mask_share == -1 else table.mask_share
    hints = Hints(mask_share=share, size=table.hint_size or hint_size, no_hint_share=table.no_hint_share,
                  rough_share=table.rough_share, leave_out=table.leave_out)
    if table.source == "generator":
        segmenter, name = _segmenter(table.segmenter, generator.w_avg.device)
        return GeneratorSamples(generator, _grammar(table.grammar), seeds, size, hints, segmenter=segmenter,
                                segmenter_name=name, folder=folder)
    if table.source == "head-world":
        latents = (lambda z: generator.map(z)) if table.known_w else None
        return HeadWorld(seeds, size, hints, on_white=generator.is_3d, flip=table.flip, latents=latents,
                         folder=folder)
    reading = Reading(size, hints, Augment(flip=table.flip))
    if table.source == "folder":
        return Folder(table.root, reading, prompt=table.prompt, progress=progress)
    return CelebAMaskHQ(table.root, reading, captions=table.captions or None, prompt=table.prompt, progress=progress)


def _grammar(name: str) -> Grammar:
    return GRAMMARS[name]() if name in GRAMMARS else Grammar.load(name)


def _segmenter(file: str, device: torch.device):
    """(pictures to classes, its name) of a judges file, or (None, "")."""
    if not file:
        return None, ""
    judges = load_judges(file).to(device)
    name = f"{Path(file).name} {file_digest(file)}"  # another file of the same name is another segmenter
    return (lambda pictures: judges.segmenter(judges.fit(pictures.to(device))).argmax(1)), name
