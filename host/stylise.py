"""Generators that learn a style, shown at a node: from words, through a diffusion model, or from pictures."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import torch
from PIL import Image

from ..ddgi.errors import InputError
from ..ddgi.pictures import from_image, resize, sheet, to_image
from ..ddgi.scribble import LINES, NoLines, draw_scribble
from ..ddgi.style import Lesson, Stylist, own_faces, style_faces
from ..ddgi.training.data.folder import existing_folder
from ..ddgi.training.data.framing import centred_square
from ..ddgi.training.data.pictures import SUFFIXES, open_picture, read_image
from ..ddgi.training.data.sample import BrokenFile
from .chain import Chain, Sampling
from .diffusion import Diffusion
from .generator_files import keep, new_file
from .managed import ManagedModel, trainable_copy
from .projection import LARGEST, PREVIEWS, picture_distance
from .shown import Shown

if TYPE_CHECKING:
    from ..ddgi.gan import GanLatent, Generator
    from ..ddgi.style import StyliseConfig

_AT_ONCE = 4            # faces that the diffusion model draws at the same time
_SHOWN = 4              # faces of the preview
_MOST = 4096            # pictures of a folder
_LINE = 256             # a hint's lines are one pixel wide for so many pixels of its side


@dataclasses.dataclass(frozen=True)
class Words:
    """A style as a diffusion model understands it.

    Attributes:
        parts: the diffusion model; its ControlNet gets scribbles of the faces, so that they stay in their places.
        prompt: names the style. sampling: its steps, cfg, strength and negative prompt.
        pictures: how many faces are drawn in the style. denoise: how far from the generator's pictures, 0 to 1.
        size: side of the diffusion model's pictures in pixels; 0 is 512, or the demo model's.
    """

    parts: Diffusion
    prompt: str
    sampling: Sampling
    pictures: int
    denoise: float
    size: int = 0


@dataclasses.dataclass(frozen=True)
class Pictures:
    """A style as pictures show it.

    Attributes:
        pictures: [N, 3, S, S] in -1..1. steps: of the search for their faces.
        faces: of which the pictures were made, one each, where that is known; nothing is searched then.
    """

    pictures: torch.Tensor
    steps: int
    faces: GanLatent | None = None


def stylise(generator: ManagedModel[Generator], style: Words | Pictures, config: StyliseConfig, node_id: str | None, *,
            name: str, replace: bool = False, vae=None,
            start: ManagedModel[Generator] | None = None) -> ManagedModel[Generator]:
    """A copy of the generator in a style, kept as the file `name`; after a cancel what was learnt so far is kept.

    Args:
        vae: compare pictures as its encoder sees them, too.
        start: a stylised copy to go on from.

    Raises:
        InputError: a name that is taken, or a start that is no relative.
    """
    file, shown = new_file(name, replace=replace), Shown(node_id)
    with torch.inference_mode(False):
        network = trainable_copy(generator)
        begun = None if start is None else trainable_copy(start)
        by_words = isinstance(style, Words)
        lesson = _drawn(network, style, config.seed, shown) if by_words else _found(network, style, shown)
        stylist = Stylist(network, lesson, picture_distance(vae), config, name=name, start=begun)
        try:
            stylist.run(_showing(stylist, shown))
        except BaseException:
            if stylist.done:
                keep(file, stylist.copy, generator)
                shown.report(f"kept what was learnt in {stylist.done} steps in {file}")
            raise
    managed = keep(file, stylist.copy, generator)
    shown.report(f"saved {file}")
    return managed


def given_pictures(image: torch.Tensor, steps: int, faces: GanLatent | None = None) -> Pictures:
    """Of an IMAGE [N, S, S, 3].

    Raises:
        InputError: the pictures are not square.
    """
    height, width = image.shape[1:3]
    if height != width:
        raise InputError(f"Style pictures of {width} x {height} were given; they must be square, with the faces where "
                         f"the generator has them: use DDGI Align Face.")
    return Pictures(from_image(image.clone()), steps, faces)


def folder_pictures(folder: str, size: int, steps: int, faces: GanLatent | None = None) -> Pictures:
    """The middle squares of all pictures in a folder, `size` pixels a side; damaged ones are named in the log.

    Raises:
        InputError: there is no folder, or no picture in it.
    """
    files = sorted(path for path in existing_folder(folder).rglob("*") if path.suffix.lower() in SUFFIXES)[:_MOST]
    found = []
    for path in files:
        try:
            picture = open_picture(path)
            found.append(read_image(picture, centred_square(picture.size), size))
        except BrokenFile as error:
            logging.warning("DDGI: %s is left out of the style: %s.", path, error.reason)
    if not found:
        raise InputError(f"There is no picture in {folder}; put some of the style there ({', '.join(SUFFIXES)}).")
    return Pictures(torch.stack(found), steps, faces)


def _drawn(generator: Generator, words: Words, seed: int, shown: Shown) -> Lesson:
    """The generator's own faces, drawn again by the diffusion model."""
    chain = Chain(words.parts, words.sampling, words.size)
    faces, made = own_faces(generator, words.pictures, seed), []
    for first in range(0, words.pictures, _AT_ONCE):
        chosen = slice(first, min(first + _AT_ONCE, words.pictures))
        plain = _draw(generator, faces, chosen)
        with torch.inference_mode():
            pictures = resize(plain, chain.size).cpu()
            hints = None if chain.control_net is None else _hints(pictures)
            seeds = range(seed + first, seed + first + len(pictures))
            styled = chain.redraw(pictures, [words.prompt] * len(pictures), hints, seeds, words.denoise)
        made.append(styled.float().cpu().clone())
        shown.progress("drawing the style", chosen.stop, words.pictures, _preview(plain, made[-1]))
    return Lesson(torch.cat(made), faces, is_exact=True)


def _hints(pictures: torch.Tensor) -> torch.Tensor:
    """Scribbles of pictures as IMAGE [B, S, S, 3], black on white; blank where there is no line to draw."""
    found = []
    for image in to_image(pictures).split(1):
        try:
            found.append(draw_scribble(image, LINES, thickness=max(1, image.shape[1] // _LINE)))
        except NoLines:
            found.append(torch.ones_like(image[..., 0]))
    return torch.cat(found)[..., None].expand(-1, -1, -1, 3)


def _found(generator: Generator, style: Pictures, shown: Shown) -> Lesson:
    """Given pictures, and the generator's faces that they were made of or are most like."""
    if style.faces is not None:
        return Lesson(style.pictures, dataclasses.replace(style.faces, ws=style.faces.ws.clone()), is_exact=True)
    every = max(1, style.steps // PREVIEWS)

    def progress(done: int, total: int, pictures: torch.Tensor) -> None:
        shown.progress("finding the faces", done, total, _preview(pictures) if done % every == 0 else None)

    with torch.enable_grad():
        faces = style_faces(generator, style.pictures, style.steps, progress)
    return Lesson(style.pictures, faces, is_exact=False)


def _showing(stylist: Stylist, shown: Shown):
    """A progress callback with a preview now and then: some faces above, what the copy makes of them below."""
    faces = own_faces(stylist.generator, _SHOWN, stylist.config.seed + 1)
    plain = _draw(stylist.generator, faces, slice(None))
    every = max(1, stylist.config.steps // PREVIEWS)

    def progress(done: int, total: int) -> None:
        picture = _preview(plain, _draw(stylist.copy, faces, slice(None))) if done % every == 0 else None
        shown.progress("learning", done, total, picture)

    return progress


@torch.no_grad()
def _draw(generator: Generator, faces: GanLatent, chosen: slice) -> torch.Tensor:
    return generator.draw(faces.ws[chosen], None if faces.camera is None else faces.camera[chosen])


def _preview(*rows: torch.Tensor) -> Image.Image:
    size = min(LARGEST, *(row.shape[-1] for row in rows))
    return sheet([resize(row[:_SHOWN].cpu(), size) for row in rows])
