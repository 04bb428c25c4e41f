"""The search for the latents whose pictures are given ones, by gradients (Karras et al. 2020, section 5)."""

import dataclasses
import math
from collections.abc import Callable

import torch

from ..errors import InputError
from ..gan import GanLatent, Generator
from ..perceptual import Distance
from ..seeds import numbered
from ..training.space import LatentSpace
from .config import ProjectionConfig
from .pose import Pose

# Called with (steps done, steps in all, the current pictures [B, 3, R, R]); it may raise to stop.
Progress = Callable[[int, int, torch.Tensor], None]
_QUIET_FROM = 0.75                      # share of the steps from which w gets no noise
_RAMP_UP, _RAMP_DOWN = 0.05, 0.25       # shares of the steps: Karras et al. 2020, section 5


@dataclasses.dataclass(frozen=True)
class Target:
    """Pictures to find.

    Attributes:
        pictures: [B, 3, R, R] in -1..1 at the generator's resolution, aligned like its own.
        mask: [B, 1, R, R] in 0..1, how much each pixel counts, or None: all alike.
    """

    pictures: torch.Tensor
    mask: torch.Tensor | None = None

    def pick(self, chosen: slice | torch.Tensor, device: torch.device) -> "Target":
        """Some of the pictures."""
        mask = None if self.mask is None else self.mask[chosen].to(device)
        return Target(self.pictures[chosen].to(device), mask)

    def over(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures that show the target where it does not count, so that nothing there pulls."""
        return pictures if self.mask is None else torch.lerp(self.pictures, pictures, self.mask)


class Search:
    """A projection under way; `best` holds what was found, also after it was stopped.

    Args:
        distance: perceptual distance of two batches of pictures, for example `ddgi.perceptual.pyramid_distance`.
        start: where to begin: one face, or as many as there are pictures; None begins at the mean face.
        turn: search the camera of each picture, too (3D generators).
    """

    def __init__(self, generator: Generator, target: Target, distance: Distance,
                 config: ProjectionConfig | None = None, *, start: GanLatent | None = None, turn: bool = False):
        self.generator, self.target, self.distance = generator, target, distance
        self.config = config or ProjectionConfig()
        self.space = LatentSpace(generator)
        count, size = len(target.pictures), self.space.size
        if tuple(target.pictures.shape[1:]) != (3, size, size):
            raise InputError(f"Pictures of {list(target.pictures.shape[1:])} were given, but {generator.name!r} makes "
                             f"[3, {size}, {size}]; resize them.")
        if turn:
            generator.need_3d("has no camera to search")
        self.turn, self.started = turn, _start(generator, start, count)
        self.found: list[_Best] = []

    def run(self, progress: Progress = lambda done, total, pictures: None) -> GanLatent:
        """Search all pictures and return `best`."""
        total, batch = len(self.target.pictures), self.config.batch
        for first in range(0, total, batch):
            chosen = slice(first, min(first + batch, total))
            self._search(chosen, progress, len(range(0, total, batch)) * self.config.steps)
        return self.best()

    def best(self) -> GanLatent:
        """The nearest latents so far, for all pictures that were begun.

        Raises:
            InputError: none was begun.
        """
        if not self.found:
            raise InputError("The projection was stopped before its first step; run it again.")
        ws = torch.cat([found.ws for found in self.found])
        labels = [found.labels for found in self.found]
        latent = self.generator.latent(ws, None if labels[0] is None else torch.cat(labels))
        distances = [round(value, 5) for found in self.found for value in found.distance.tolist()]
        record = {"method": "projection", "distances": distances, **dataclasses.asdict(self.config)}
        return dataclasses.replace(latent, record=record)

    def _search(self, chosen: slice, progress: Progress, total: int) -> None:
        config, device = self.config, self.space.device
        target, before = self.target.pick(chosen, device), len(self.found) * config.steps
        whole = ((self.started.ws[chosen].to(device) - self.space.w_avg) / self.space.w_std).detach()
        point = _point(whole, config.space != "w+")
        pose = Pose.of(self.generator, self.started, chosen) if self.turn else None
        fixed = None if self.turn or self.started.camera is None else self.started.camera[chosen].to(device)
        best = _Best(len(whole))
        self.found.append(best)
        optimizer = _adam(point, pose)
        for step in range(config.steps):
            if config.space == "both" and step == config.steps // 2:
                point = _point(point.detach().expand_as(whole), False)
                optimizer = _adam(point, pose)
            for group in optimizer.param_groups:
                group["lr"] = config.rate * _ramp(step / config.steps)
            # The same for every picture, so that a picture does not depend on those beside it.
            noise = torch.randn(1, *point.shape[1:], generator=numbered(config.seed, step)).to(device)
            noisy = point + noise * (config.jitter * max(0.0, 1 - step / config.steps / _QUIET_FROM) ** 2)
            ws = self.space.w_avg + self.space.w_std * noisy.expand_as(whole)
            labels = fixed if pose is None else pose.labels()
            pictures = self.generator.draw(ws, labels)
            distances = self._distances(pictures, target)
            best.take(distances, ws, labels)
            optimizer.zero_grad(set_to_none=True)
            (distances + self._pull(noisy)).sum().backward()
            optimizer.step()
            progress(before + step + 1, total, pictures.detach())

    def _distances(self, pictures: torch.Tensor, target: Target) -> torch.Tensor:
        shown = target.over(pictures)
        squared = (shown - target.pictures).square().mean((1, 2, 3))
        return self.distance(shown, target.pictures) + self.config.pixel * squared

    def _pull(self, point: torch.Tensor) -> torch.Tensor:
        """What keeps latents [B, layers, w_dim] in standard deviations editable: together, and near the mean."""
        apart = (point - point.mean(1, keepdim=True)).square().mean((1, 2))
        return self.config.together * apart + self.config.home * point.square().mean((1, 2))


class _Best:
    """The nearest of one batch so far."""

    def __init__(self, count: int):
        self.distance = torch.full((count,), math.inf)
        self.ws: torch.Tensor | None = None
        self.labels: torch.Tensor | None = None

    def take(self, distance: torch.Tensor, ws: torch.Tensor, labels: torch.Tensor | None) -> None:
        distance, ws = distance.detach().cpu(), ws.detach().cpu()
        labels = None if labels is None else labels.detach().cpu()
        nearer = distance < self.distance
        self.distance = torch.where(nearer, distance, self.distance)
        self.ws = ws.clone() if self.ws is None else torch.where(nearer[:, None, None], ws, self.ws)
        if labels is not None:
            self.labels = labels.clone() if self.labels is None else torch.where(nearer[:, None], labels, self.labels)


def _start(generator: Generator, start: GanLatent | None, count: int) -> GanLatent:
    """One starting face for each picture."""
    if start is None:
        return generator.latent(generator.w_avg.expand(count, generator.config.num_ws, -1))
    start.check(generator)
    if len(start.ws) not in (1, count):
        raise InputError(f"{len(start.ws)} faces to begin with were given for {count} pictures; give one for all, or "
                         f"one for each.")
    camera = None if start.camera is None else start.camera.expand(count, -1)
    return dataclasses.replace(start, ws=start.ws.expand(count, -1, -1), camera=camera)


def _point(whole: torch.Tensor, is_single: bool) -> torch.Tensor:
    """Where a search begins, with gradients: one vector for all layers, or one for each."""
    return (whole.mean(1, keepdim=True) if is_single else whole).clone().requires_grad_(True)


def _adam(point: torch.Tensor, pose: Pose | None) -> torch.optim.Adam:
    return torch.optim.Adam([point, *(() if pose is None else pose.parameters())], betas=(0.9, 0.99))


def _ramp(share: float) -> float:
    """Factor on the rate at a share of the search: up linearly, down as a half cosine."""
    down = min(1.0, (1.0 - share) / _RAMP_DOWN)
    return (0.5 - 0.5 * math.cos(down * math.pi)) * min(1.0, (share + 1e-3) / _RAMP_UP)
