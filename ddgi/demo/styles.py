"""Copies of the demo's 2D generator that draw head world's other styles, by the stylisation that users have."""

from collections.abc import Callable
from pathlib import Path

import torch

from ..checkpoints.difference import save_difference
from ..gan import StyleGAN2Generator
from ..headworld import render_batch, stack_seeds
from ..perceptual import pyramid_distance
from ..style import Lesson, StyliseConfig, Stylist
from . import files
from .settings import Settings

_AT_ONCE = 32                               # heads that are drawn together
_LOG_EVERY = 50                             # steps


def train_styles(settings: Settings, generator: StyleGAN2Generator, known_w: Callable[[torch.Tensor], torch.Tensor],
                 first_seed: int, styles: tuple[str, ...], out: Path, report: Callable[[str], None]) -> None:
    """Write one copy for each style into `out`, as differences to the generator's file; files that exist stay.

    known_w: z [B, 64] to the latent [B, w_dim] that the generator draws that head from. The same heads, drawn by head
    world in the style, are what the copy learns from.
    """
    seeds = range(first_seed, first_seed + settings.style_heads)
    for style in styles:
        path = out / files.STYLE.format(style)
        if path.exists():
            continue
        pictures = torch.cat([render_batch(stack_seeds(seeds[i:i + _AT_ONCE]), settings.generator_resolution,
                                           style=style).image for i in range(0, len(seeds), _AT_ONCE)])
        ws = known_w(stack_seeds(seeds))[:, None].expand(-1, generator.config.num_ws, -1)
        lesson = Lesson(pictures, generator.latent(ws.clone()), is_exact=True)
        stylist = Stylist(generator, lesson, pyramid_distance, StyliseConfig(steps=settings.style_steps),
                          name=path.stem)
        save_difference(path, stylist.run(_reporting(style, report)), generator, files.GENERATOR)
        report(f"style {style} saved")


def _reporting(style: str, report: Callable[[str], None]) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done % _LOG_EVERY == 0:
            report(f"style {style}: step {done} of {total}")

    return progress
