"""Drawings by hand through the demo models: whether what is drawn is seen."""

from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image

from ...ddgi.bridge import load_bridge
from ...ddgi.checkpoints import load_generator
from ...ddgi.demo import files
from ...ddgi.evaluation import load_judges
from ...ddgi.evaluation.drawings import read_drawings, score_drawings
from ...ddgi.facemask import mask_to_hint, read_mask
from ...ddgi.pictures import image_from_pil, resize_classes
from .. import folders
from ..chain import DEFAULT_SAMPLING, HINTS, Chain, Sampling
from .demo import NO_WORDS, method_pictures


@torch.no_grad()
def run(drawings_folder: str | Path, sampling: Sampling = DEFAULT_SAMPLING, *, folder: Path = folders.DEMO,
        seed: int = 0, report: Callable[[str], None] = lambda line: None,
        on_batch: Callable | None = None) -> dict[str, dict]:
    """Scores of every drawing in a folder, see `ddgi.evaluation.drawings`.

    Returns:
        {"mask", "scribble": {"a face", "told": {"m_t", "one_pass", "diffusion": scores}}}.

    Raises:
        InputError: the folder holds no drawings, or a model file is missing or broken.
    """
    drawings = read_drawings(drawings_folder)
    chain, judges = Chain.of_demo(folder, sampling), load_judges(folder / files.JUDGES)
    generator, bridge = load_generator(folder / files.GENERATOR), load_bridge(folder / files.BRIDGE)
    masks = torch.cat([read_mask(_picture(drawing.mask)) for drawing in drawings])
    hints = {"mask": mask_to_hint(masks),
             "scribble": torch.cat([_picture(drawing.scribble) for drawing in drawings])}
    wanted = resize_classes(masks, judges.resolution)
    prompts = {NO_WORDS: [NO_WORDS] * len(drawings), "told": [drawing.told() for drawing in drawings]}
    scores: dict[str, dict] = {}
    for kind in HINTS:
        for words, texts in prompts.items():
            pictures = method_pictures(chain, generator, bridge, texts, hints[kind], seed)
            scores.setdefault(kind, {})[words] = {name: score_drawings(judges, shown, drawings, wanted)
                                                  for name, shown in pictures.items()}
            if on_batch:
                on_batch({f"{kind}, {words}": hints[kind].movedim(-1, 1) * 2 - 1, **pictures})
            report(f"{len(drawings)} drawings as {kind}, prompt: {words}")
    return scores


def _picture(path: Path) -> torch.Tensor:
    """IMAGE [1, H, W, 3] in 0..1."""
    with Image.open(path) as picture:
        return image_from_pil(picture)
