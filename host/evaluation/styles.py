"""Drawn styles: whether a judge sees the one that was asked for, and whether stylised generators keep their faces."""

from collections.abc import Callable
from pathlib import Path

import torch

from ...ddgi.checkpoints import load_generator
from ...ddgi.demo import files
from ...ddgi.demo.styles import style_files
from ...ddgi.errors import InputError
from ...ddgi.evaluation import load_judges
from ...ddgi.evaluation.judges import Judges
from ...ddgi.evaluation.metrics import confusion, mean_iou
from ...ddgi.gan import Generator
from ...ddgi.headworld import STYLES, render_batch
from .. import folders
from ..chain import DEFAULT_SAMPLING, Chain, Sampling, hint_images

HEADS = 16                  # in each style, of the diffusion model
SAMPLES = 128               # faces of a stylised generator
_AT_ONCE = 32


@torch.no_grad()
def run(sampling: Sampling = DEFAULT_SAMPLING, *, folder: Path = folders.DEMO, heads: int = HEADS,
        samples: int = SAMPLES, seed: int = 0, report: Callable[[str], None] = lambda line: None) -> dict:
    """How the styles of head world are drawn by the models in `folder`.

    Returns:
        {"diffusion": {style: share of the diffusion model's own pictures in which the judge reads it}, words and
        drawing given; "generators": {style: {"read": the same for faces of its stylised generator, "mask_miou": how
        well the parts that the judge sees agree with the heads', "plain_mask_miou": those of the generator without
        style}}}.

    Raises:
        InputError: the judges of the folder know no styles, or a model file is missing or broken.
    """
    chain, judges = Chain.of_demo(folder, sampling), load_judges(folder / files.JUDGES)
    known = judges.config.attributes.get("style", ())
    if missing := [style for style in STYLES if style not in known]:
        raise InputError(f"The judges of {folder} do not know the style {missing[0]!r}; train them with python -m ddgi "
                         f"train-demo --stages judges.")
    drawn = {}
    for style in STYLES:
        asked = render_batch(range(heads), chain.size, style=style)
        pictures = chain.sample(asked.captions, hint_images(asked, sampling.hint), seed)[0]
        drawn[style] = round(judges.share(pictures, "style", style), 4)
        report(f"{style}: read in {drawn[style]:.2f} of {heads} pictures of the diffusion model")
    copies = {}
    plain = load_generator(folder / files.GENERATOR)
    for style, path in style_files(folder).items():
        copies[style] = _of_copy(judges, plain, load_generator(path), style, samples)
        report(f"{style}: read in {copies[style]['read']:.2f} of {samples} faces of {path.name}, mIoU "
               f"{copies[style]['mask_miou']:.3f} (without style {copies[style]['plain_mask_miou']:.3f})")
    return {"diffusion": drawn, "generators": copies}


def _of_copy(judges: Judges, plain: Generator, copy: Generator, style: str, samples: int) -> dict:
    """Of heads by their z, which the demo generators know."""
    read, counts = 0.0, {plain: 0, copy: 0}
    for first in range(0, samples, _AT_ONCE):
        heads = render_batch(range(first, min(first + _AT_ONCE, samples)), judges.resolution)
        ws = plain.map(heads.z)
        for generator in counts:
            pictures = judges.fit(generator.draw(ws).clamp(-1, 1))
            counts[generator] = counts[generator] + confusion(judges.segmenter(pictures).argmax(1), heads.mask)
        read += judges.share(pictures, "style", style) * len(ws)
    return {"read": round(read / samples, 4), "mask_miou": round(mean_iou(counts[copy]), 4),
            "plain_mask_miou": round(mean_iou(counts[plain]), 4)}
