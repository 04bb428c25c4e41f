"""Drawn styles of the diffusion model: whether a judge sees the one that was asked for."""

from collections.abc import Callable
from pathlib import Path

import torch

from ...ddgi.demo import files
from ...ddgi.errors import InputError
from ...ddgi.evaluation import load_judges
from ...ddgi.headworld import STYLES, render_batch
from .. import folders
from ..chain import DEFAULT_SAMPLING, Chain, Sampling, hint_images

HEADS = 16                  # in each style


@torch.no_grad()
def run(sampling: Sampling = DEFAULT_SAMPLING, *, folder: Path = folders.DEMO, heads: int = HEADS, seed: int = 0,
        report: Callable[[str], None] = lambda line: None) -> dict[str, float]:
    """{style: share of the diffusion model's own pictures in which the judge reads it}, words and drawing given.

    Raises:
        InputError: the judges of the folder know no styles, or a model file is missing or broken.
    """
    chain, judges = Chain.of_demo(folder, sampling), load_judges(folder / files.JUDGES)
    known = judges.config.attributes.get("style", ())
    if missing := [style for style in STYLES if style not in known]:
        raise InputError(f"The judges of {folder} do not know the style {missing[0]!r}; train them with python -m ddgi "
                         f"train-demo --stages judges.")
    shares = {}
    for style in STYLES:
        asked = render_batch(range(heads), chain.size, style=style)
        pictures = chain.sample(asked.captions, hint_images(asked, sampling.hint), seed)[0]
        read = judges.read(judges.fit(pictures.float().clamp(-1, 1)))["style"].argmax(1)
        shares[style] = round((read == known.index(style)).float().mean().item(), 4)
        report(f"{style}: read in {shares[style]:.2f} of {heads} pictures")
    return shares
