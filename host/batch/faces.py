"""Rows without a workflow: many faces in one sampler call, each the same whoever shares the call.

Kernels round differently for batches of different sizes, and alike for every row of batches of one size: so every call
holds the same number of faces, and one that is not full is filled up with copies of its last. The generator draws one
face at a time anyway.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import logging
from collections.abc import Callable, Sequence

import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ...ddgi.batch import Job, Unit
from ...ddgi.batch.drawings import hint_picture
from ...ddgi.batch.run import Made, Outcomes, one_by_one
from ...ddgi.batch.units import face_of, models_of
from ...ddgi.cameras import Camera
from ...ddgi.errors import InputError, first_line
from ...ddgi.files import file_digest
from ...ddgi.gan import GanLatent
from ...ddgi.latents import Direction, Move, edit, load_directions
from ...ddgi.pictures import to_bytes
from ..chain import Chain, Sampling
from ..diffusion import open_diffusion
from ..managed import ManagedModel, managed_bridge, managed_generator

# Samplers that take every picture of a batch its own way; others draw noise for, or measure, the batch as a whole.
SHARED = frozenset({"euler", "heun", "heunpp2", "dpm_2", "lms", "dpmpp_2m", "ipndm", "ipndm_v", "deis", "ddim"})
_KEPT = 12                  # models and sets of them that stay loaded: one set is four


class Faces:
    """Renders units of rows.

    Args:
        faces: in one sampler call.
        verify: compare every model file with the digest that the row was planned with: on another machine it may be
            another file.
    """

    def __init__(self, faces: int, *, verify: bool = False):
        self.faces, self.verify = faces, verify
        self._loaded = _Shelf()

    @torch.inference_mode()
    def render(self, unit: Unit) -> Outcomes:
        """By key, each row's pictures or why there are none; a bad row costs no other."""
        faces = {face_of(job): job for job in unit.jobs}
        try:
            with _in_a_sentence():
                models = self._models(unit.jobs[0])
                latents = self._sample(models, list(faces.values()))
        except InputError as error:
            if len(unit.jobs) == 1:
                return {unit.jobs[0].key: str(error)}
            alone = [self.render(Unit(unit.number, (job,))) for job in unit.jobs]
            return {key: outcome for outcomes in alone for key, outcome in outcomes.items()}
        return one_by_one(unit.jobs, lambda job: _drawn(job, models, latents[face_of(job)]))

    def _models(self, job: Job) -> _Models:
        def load() -> _Models:
            if self.verify:
                _verify(job)
            return _Models(job, self._loaded)
        return self._loaded.get(models_of(job), load)

    def _sample(self, models: _Models, jobs: Sequence[Job]) -> dict[tuple, GanLatent]:
        """Latents of one face each, by what decides the face."""
        settings = models.settings
        groups: dict[tuple, list[Job]] = {}
        for job in jobs:
            groups.setdefault((models.chain.tokens(job.prompt), bool(job.row.drawing)), []).append(job)
        count = self.faces if settings.sampler in SHARED else 1
        found = {}
        for group in groups.values():
            for start in range(0, len(group), count):
                part = group[start:start + count]
                rows = models.latents(part + part[-1:] * (count - len(part)))
                found |= {face_of(job): row for job, row in zip(part, rows)}
        return found


class _Models:
    """Everything that rows of the same settings share."""

    def __init__(self, job: Job, loaded: _Shelf):
        settings, self._loaded = job.settings, loaded
        self.settings = settings
        named = {name: str(job.files[name]) for name in ("control_net", "vae") if getattr(settings, name)}
        if not settings.is_demo:
            named["checkpoint"] = str(job.files["checkpoint"])
        sampling = Sampling(steps=settings.steps, cfg=settings.guidance, sampler=settings.sampler,
                            scheduler=settings.scheduler, negative=settings.negative, strength=settings.strength)
        diffusion = loaded.get(("diffusion", *sorted(named.items())), lambda: open_diffusion(**named))
        self.chain = Chain(diffusion, sampling, settings.size)
        self.bridge = loaded.get(("bridge", job.files["bridge"]), lambda: managed_bridge(job.files["bridge"]))
        self.generator = self._generator(job, "generator")

    def latents(self, jobs: Sequence[Job]) -> list[GanLatent]:
        """One latent for each job, from one sampler call."""
        settings, hints = self.settings, None
        if jobs[0].row.drawing:
            hints = torch.cat([hint_picture(job.contents("drawing"), job.files["drawing"].name, job.row.hint,
                                            self.chain.size) for job in jobs])
        _, features = self.chain.latents([job.prompt for job in jobs], hints, [job.row.number for job in jobs],
                                         settings.every_step)
        latent = self.bridge.load()(features.to(self.bridge.device), settings.bridge_step, settings.gamma,
                                    settings.beta, settings.truncation)
        return [dataclasses.replace(latent, ws=ws) for ws in latent.ws[:, None]]

    def generator_of(self, job: Job) -> tuple[ManagedModel, bool]:
        """The generator that draws a row, and whether it need only be a relative of the bridge's."""
        return (self._generator(job, "style"), True) if "style" in job.files else (self.generator, False)

    def _generator(self, job: Job, kind: str) -> ManagedModel:
        return self._loaded.get(("generator", job.files[kind]), lambda: managed_generator(job.files[kind]))


class _Shelf:
    """Loaded models by name; the least recently used leave."""

    def __init__(self):
        self._kept: dict[tuple, object] = {}

    def get(self, key: tuple, load: Callable[[], object]):
        if key not in self._kept:
            while len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = load()
        self._kept[key] = self._kept.pop(key)
        return self._kept[key]


@contextlib.contextmanager
def _in_a_sentence():
    """Whatever the host's models raise becomes the sentence of a row."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        logging.debug("A row could not be rendered:", exc_info=True)
        raise InputError(f"It could not be rendered ({type(error).__name__}: {first_line(error)}); try it alone, with "
                         f"fewer rows in a call.") from error


def _verify(job: Job) -> None:
    for name, path in job.models.items():
        if file_digest(path) != job.inputs[name]:
            raise InputError(f"The {name.replace('_', ' ')} {path} on this machine is another file than where the "
                             f"batch was started; copy it there.")


def _drawn(job: Job, models: _Models, latent: GanLatent) -> Made:
    """A picture for each camera, or one."""
    managed, relative = models.generator_of(job)
    generator = managed.load(memory_required=managed.value.memory_estimate())
    cameras = None
    if job.row.cameras:
        generator.need_3d("takes no cameras")
        cameras = Camera(torch.cat([generator.camera(yaw, pitch).label for yaw, pitch in job.row.cameras]))
    with _in_a_sentence():
        latent = edit(latent, [Move(_direction(job, name, models), strength) for name, strength in job.row.edits])
        out = generator.render(latent, cameras, noise_mode="const", relative=relative)
    pictures = to_bytes(out.image).cpu()
    if not torch.isfinite(out.image).all():
        raise InputError("The generator gave values that are not finite; lower gamma, beta or truncation.")
    endings = [f"_{number}.png" for number in range(1, len(pictures) + 1)] if len(pictures) > 1 else [".png"]
    return [(ending, _png(picture, job)) for ending, picture in zip(endings, pictures)]


def _direction(job: Job, name: str, models: _Models) -> Direction:
    """The direction of an edit, for the generator that the bridge was trained for."""
    inside = job.inside.get(name)
    found = load_directions(job.files[f"edit {name}"], models.generator.value)
    chosen = [direction for direction in found if inside in (None, direction.name)]
    if len(chosen) != 1:
        raise InputError(f"{job.files[f'edit {name}'].name} holds {len(found)} directions; write FILE: NAME.")
    return chosen[0]


def _png(picture: torch.Tensor, job: Job) -> bytes:
    """uint8 [3, H, W] as a PNG that says what it was made from."""
    facts = PngInfo()
    facts.add_text("ddgi", json.dumps(job.facts(), sort_keys=True))
    buffer = io.BytesIO()
    Image.fromarray(picture.permute(1, 2, 0).contiguous().numpy()).save(buffer, format="PNG", pnginfo=facts)
    return buffer.getvalue()
