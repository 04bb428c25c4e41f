"""A copy of a generator learns to draw its faces in a style.

From pictures of the generator's own faces in that style (img2img of a diffusion model) the copy learns as from any
pairs; the latents stay, and with them who is who. From other pictures of a style the faces are found in the generator
first, and fine layers are mixed with random ones, the more the fewer pictures there are, so that one picture teaches
all faces (Chong and Forsyth 2022, "JoJoGAN"). Faces that no picture shows learn by patches (`texture`), while their
layout stays (`structure`).
"""

import torch

from ..gan import Generator
from ..perceptual import Distance
from ..pictures import resize
from ..seeds import numbered
from .config import StyliseConfig
from .lesson import Lesson, own_faces
from .texture import structure_distance, texture_distance

_COARSE = 0.5           # share of the layers that are never mixed: pose and shape
_WARM_UP = 10           # steps
_FALL = 0.4             # share of the steps over which the rate falls
_BETAS = (0.0, 0.99)    # of Adam: few steps, and every batch counts


class Stylist:
    """A stylisation under way; `copy` may be taken at any time, also after it was stopped.

    Args:
        generator: stays as it is.
        distance: perceptual distance of two batches of pictures, for example `ddgi.perceptual.pyramid_distance`.
        name: of the copy.
        start: a relative of the same sizes to go on from, for example a copy that was stopped; None: the generator.

    Raises:
        InputError: faces of another generator, or a start that is no relative.
    """

    def __init__(self, generator: Generator, lesson: Lesson, distance: Distance, config: StyliseConfig | None = None,
                 *, name: str, start: Generator | None = None):
        self.generator, self.lesson, self.distance = generator, lesson, distance
        self.config = config or StyliseConfig()
        lesson.faces.check(generator)
        if start is not None:
            start.latent(lesson.faces.ws).check(generator)
        record = {"from": "own faces" if lesson.is_exact else "pictures", "pictures": len(lesson.pictures), "steps": 0}
        self._copy = (start or generator).copy(name, stylised=record)
        self._weights = list(self._copy.drawing_weights().values())
        self._optimizer = torch.optim.Adam(self._weights, betas=_BETAS)
        self.device, self.done = generator.w_avg.device, 0
        self._mixed = 0.0 if lesson.is_exact else 1 / len(lesson.pictures)
        self._first_mixed = round(_COARSE * generator.config.num_ws)

    @property
    def copy(self) -> Generator:
        """What was learnt so far: a relative with frozen weights, which takes the same latents and bridges."""
        self._copy.requires_grad_(False)
        self._copy.provenance["stylised"]["steps"] = self.done
        return self._copy

    def run(self, progress=lambda done, total: None) -> Generator:
        """Learn, and return `copy`. `progress` is called after each step with (done, total); it may raise to stop."""
        with torch.enable_grad():
            while self.done < self.config.steps:
                for value in self._weights:
                    value.requires_grad_(True)
                self._step(numbered(self.config.seed, self.done))
                self.done += 1
                progress(self.done, self.config.steps)
        return self.copy

    def _step(self, rng: torch.Generator) -> None:
        config, lesson = self.config, self.lesson
        chosen = torch.randint(len(lesson.pictures), (config.batch,), generator=rng)
        style = resize(lesson.pictures[chosen].to(self.device), min(lesson.size, self.generator.config.img_resolution))
        others = own_faces(self.generator, config.batch, int(torch.randint(2**31, (1,), generator=rng)))
        ws, cameras = self._faces(chosen, others.ws)
        pictures = self._copy.draw(ws, cameras)
        loss = self._apart(resize(pictures, style.shape[-1]), style)
        if not lesson.is_exact:
            ws, cameras = others.ws, others.camera
            pictures = self._copy.draw(ws, cameras)
        loss = loss + config.texture * texture_distance(resize(pictures, style.shape[-1]), style, rng)
        loss = loss + self._kept(pictures, ws, cameras, style.shape[-1], rng)
        for group in self._optimizer.param_groups:
            group["lr"] = config.rate * self._ramp()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()

    def _faces(self, chosen: torch.Tensor, random: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """ws [B, num_ws, w_dim] and labels of some pictures' faces, fine layers mixed with those of random faces."""
        faces = self.lesson.faces
        ws = faces.ws[chosen].to(random)
        if self._mixed:
            fine = slice(self._first_mixed, None)
            ws[:, fine] = torch.lerp(ws[:, fine], random[:, fine], self._mixed)
        if faces.camera is None:
            return ws, None
        return ws, faces.camera.expand(len(faces.ws), -1)[chosen].to(ws)

    def _apart(self, pictures: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        squared = (pictures - style).square().mean((1, 2, 3))
        return (self.distance(pictures, style) + self.config.pixel * squared).mean()

    def _kept(self, pictures: torch.Tensor, ws: torch.Tensor, cameras: torch.Tensor | None, size: int,
              rng: torch.Generator) -> torch.Tensor:
        """What the copy shall keep of the generator's own pictures: their layout, and what the style is too small for.

        size: of the style's pictures.
        """
        is_finer = self.config.fine > 0 and size < pictures.shape[-1]
        loss = pictures.new_zeros([])
        if self.lesson.is_exact and not is_finer:
            return loss
        with torch.no_grad():
            before = self.generator.draw(ws, cameras)
        if not self.lesson.is_exact:
            loss = self.config.structure * structure_distance(pictures, before, rng).mean()
        if is_finer:
            loss = loss + self.config.fine * (_detail(pictures, size) - _detail(before, size)).abs().mean()
        return loss

    def _ramp(self) -> float:
        """Factor of the rate at this step."""
        left = (self.config.steps - self.done) / self.config.steps
        return min(1.0, (self.done + 1) / _WARM_UP) * min(1.0, left / _FALL)


def _detail(pictures: torch.Tensor, size: int) -> torch.Tensor:
    """What of pictures is finer than `size` pixels a side."""
    return pictures - resize(resize(pictures, size), pictures.shape[-1])
