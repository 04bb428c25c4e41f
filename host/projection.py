"""Photographs as latents, shown at a node: the search, and tuning a copy of the generator."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import folder_paths
import torch

from ..ddgi.errors import InputError
from ..ddgi.perceptual import Distance, feature_distance, pyramid_distance
from ..ddgi.pictures import from_image, resize, sheet
from ..ddgi.projection import Search, Target, TuningConfig, tune
from .generator_files import keep, new_file
from .managed import ManagedModel, trainable_copy
from .shown import Shown
from .training.encoder import vae_features

if TYPE_CHECKING:
    from ..ddgi.gan import GanLatent, Generator
    from ..ddgi.projection import ProjectionConfig

PREVIEWS = 40           # of one picture's search
LARGEST = 256           # side of pictures whose features are compared
_FEATURES = 0.2         # weight of the VAE's features beside colours and edges


def project(image: torch.Tensor, generator: ManagedModel[Generator], config: ProjectionConfig, node_id: str | None, *,
            start: GanLatent | None = None, mask: torch.Tensor | None = None, vae=None, turn: bool = False,
            tuning: TuningConfig | None = None, name: str = "",
            replace: bool = False) -> tuple[GanLatent, ManagedModel[Generator]]:
    """The faces of pictures, and the generator that draws them.

    Args:
        image: IMAGE [B, S, S, 3], aligned like the generator's own. mask: MASK, 1 where a picture counts.
        vae: compare pictures as its encoder sees them, too.
        tuning: tune a copy, which becomes the generator file `name` (in the place of one, if `replace`); None leaves
            the generator as it is.

    Raises:
        InputError: pictures that are not square, a stranger's latent, or a name that is taken.
    """
    file = new_file(name, replace=replace) if tuning else None
    shown = Shown(node_id)
    with torch.inference_mode(False), torch.enable_grad():
        network = trainable_copy(generator)
        target, distance = _target(image, mask, network), picture_distance(vae)
        search = Search(network, target, distance, config, start=cloned(start), turn=turn)
        latent = _searched(search, shown)
        shown.report(f"distance {sum(latent.record['distances']) / len(latent.ws):.4f}")
        if tuning is None:
            return latent, generator
        show = _showing("tuning", target, shown, tuning.steps)
        tuned = tune(network, latent, target, distance, tuning, name=name, progress=show)
    managed = keep(file, tuned, generator)
    shown.report(f"saved {file}")
    return managed.value.latent(latent.ws, latent.camera), managed


def _searched(search: Search, shown: Shown) -> GanLatent:
    """The search's result; after a cancel the nearest faces so far are kept in a file before it goes on."""
    show = _showing("searching", search.target, shown, search.config.steps, search.config.batch)
    try:
        latent = search.run(show)
    except BaseException:
        if search.found:
            shown.report(f"kept the nearest faces so far in {_keep(search.best())}")
        raise
    return latent


def _keep(latent: GanLatent) -> Path:
    folder, name, counter, _, _ = folder_paths.get_save_image_path("ddgi/projected",
                                                                   folder_paths.get_output_directory())
    path = Path(folder) / f"{name}_{counter:05}_.latent.safetensors"
    latent.save(path)
    return path


def _showing(what: str, target: Target, shown: Shown, steps: int, batch: int | None = None):
    """A progress callback with a preview now and then: the pictures above, what they came out as below."""
    every = max(1, steps // PREVIEWS)

    def progress(done: int, total: int, pictures: torch.Tensor) -> None:
        picture = None
        if done % every == 0:
            first = 0 if batch is None else (done - 1) // steps * batch
            wanted = target.pictures[first:first + len(pictures)].to(pictures)
            rows = [resize(rows[:4], min(LARGEST, rows.shape[-1])) for rows in (wanted, pictures)]
            picture = sheet(rows if batch is not None else rows[1:])
        shown.progress(what, done, total, picture)

    return progress


def _target(image: torch.Tensor, mask: torch.Tensor | None, generator: Generator) -> Target:
    height, width = image.shape[1:3]
    if height != width:
        raise InputError(f"A picture of {width} x {height} was given; it must be square, with the face where the "
                         f"generator has it: use DDGI Align Face.")
    size = generator.config.img_resolution
    pictures = resize(from_image(image.clone()), size)
    if mask is None:
        return Target(pictures)
    if len(mask) not in (1, len(image)):
        raise InputError(f"{len(mask)} masks were given for {len(image)} pictures; give one for all, or one for each.")
    weights = resize(mask.clone().float()[:, None], size).clamp(0, 1).expand(len(image), -1, -1, -1)
    if not weights.any():
        raise InputError("The mask is empty, so that nothing of the picture counts; paint what counts white.")
    return Target(pictures, weights)


def picture_distance(vae) -> Distance:
    """Colours and edges, and the VAE's features where there is one."""
    if vae is None:
        return pyramid_distance
    features = vae_features(vae)

    def distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        small = [resize(x, min(LARGEST, x.shape[-1])) for x in (a, b)]
        return pyramid_distance(a, b) + _FEATURES * feature_distance(features, *small)
    return distance


def cloned(latent: GanLatent | None) -> GanLatent | None:
    """A copy that may stand in a graph: what nodes hand out is for inference."""
    return None if latent is None else dataclasses.replace(
        latent, ws=latent.ws.clone(), camera=None if latent.camera is None else latent.camera.clone())
