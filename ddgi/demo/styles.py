"""Copies of the demo's generators that draw head world's other styles, by the stylisation that users have."""

from collections.abc import Callable
from pathlib import Path

import torch

from ..checkpoints.difference import is_base, save_difference
from ..gan import Generator
from ..headworld import STYLES, render_batch, stack_seeds
from ..native import read_metadata
from ..perceptual import pyramid_distance
from ..style import Lesson, StyliseConfig, Stylist
from ..training.data.heads import random_cameras
from . import files
from .settings import Settings

_AT_ONCE = 32                               # heads that are drawn together
_LOG_EVERY = 50                             # steps
YAW, PITCH = 40.0, 12.0                     # degrees to each side from which heads of a 3D generator are drawn


def style_files(folder: Path) -> dict[str, Path]:
    """The copies of the 2D generator that a demo set has, by style."""
    paths = {style: folder / files.STYLE.format(style) for style in STYLES}
    return {style: path for style, path in paths.items() if path.is_file()}


def train_styles(settings: Settings, generator: Generator, known_w: Callable[[torch.Tensor], torch.Tensor],
                 first_seed: int, paths: dict[str, Path], base_file: str, report: Callable[[str], None]) -> None:
    """Write one copy for each style, as differences to the generator; files of differences to it stay.

    Args:
        known_w: z [B, 64] to the latent [B, w_dim] that the generator draws that head from. The same heads, drawn by
            head world in the style, are what the copy learns from; for a 3D generator seen from around, on white.
        paths: of the files, by style. base_file: name of the generator's.
    """
    seeds = range(first_seed, first_seed + settings.style_heads)
    labels = random_cameras(seeds, YAW, PITCH) if generator.is_3d else None
    with torch.no_grad():
        ws = known_w(stack_seeds(seeds))[:, None].expand(-1, generator.config.num_ws, -1)
    faces = generator.latent(ws.clone(), None if labels is None else labels.to(ws))
    for style, path in paths.items():
        if path.exists() and is_base(generator, read_metadata(path)["config"]):
            continue
        lesson = Lesson(_drawn(seeds, generator.config.img_resolution, labels, style), faces, is_exact=True)
        stylist = Stylist(generator, lesson, pyramid_distance, StyliseConfig(steps=settings.style_steps),
                          name=path.stem)
        save_difference(path, stylist.run(_reporting(path.stem, report)), generator, base_file)
        report(f"{path.name} saved")


def _drawn(seeds: range, size: int, labels: torch.Tensor | None, style: str) -> torch.Tensor:
    """Pictures [N, 3, size, size] of heads in a style, from their own cameras or before white from those of labels."""
    parts = [slice(first, first + _AT_ONCE) for first in range(0, len(seeds), _AT_ONCE)]
    return torch.cat([render_batch(stack_seeds(seeds[part]), size, None if labels is None else labels[part],
                                   style=style, white_background=labels is not None).image for part in parts])


def _reporting(name: str, report: Callable[[str], None]) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done % _LOG_EVERY == 0:
            report(f"{name}: step {done} of {total}")

    return progress
