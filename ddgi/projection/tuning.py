"""Pivotal tuning: a copy of the generator learns to draw given pictures from their latents (Roich et al. 2022)."""

import torch

from ..gan import GanLatent, Generator
from ..latents.sample import sample_w
from ..perceptual import Distance
from ..seeds import numbered
from .config import TuningConfig
from .noise import WEIGHT, noise_loss, noise_pictures, normalise
from .search import Progress, Target

_HALF_WAY = 0.5     # from a picture's latent to that of a random face: where the copy must stay what it was


def tune(generator: Generator, latent: GanLatent, target: Target, distance: Distance,
         config: TuningConfig | None = None, *, name: str,
         progress: Progress = lambda done, total, pictures: None) -> Generator:
    """A copy of `generator` that draws `target` from `latent`; `generator` itself stays as it is.

    Args:
        latent: one face for each picture, as `Search` found them.
        distance: perceptual distance, as in `Search`.
        name: of the copy.
        progress: called after each step; it may raise to stop.

    Returns:
        A relative with frozen weights: it takes the same latents, directions and bridges.

    Raises:
        InputError: a latent of another generator.
    """
    config = config or TuningConfig()
    latent.check(generator)
    copy = generator.copy(name, tuned={"pictures": len(latent.ws), "steps": config.steps})
    weights, noises = [*copy.drawing_weights().values()], noise_pictures(copy.module) if config.noise_rate else []
    for value in (*weights, *noises):
        value.requires_grad_(True)
    optimizer = torch.optim.Adam([{"params": weights, "lr": config.rate}, {"params": noises, "lr": config.noise_rate}])
    with torch.enable_grad():
        for step in range(config.steps):
            pictures = _step(copy, generator, latent, target, distance, config, step, optimizer, noises)
            progress(step + 1, config.steps, pictures)
    for value in (*weights, *noises):
        value.requires_grad_(False)
    return copy


def _step(copy: Generator, generator: Generator, latent: GanLatent, target: Target, distance: Distance,
          config: TuningConfig, step: int, optimizer: torch.optim.Optimizer,
          noises: list[torch.Tensor]) -> torch.Tensor:
    """One step on some of the pictures; returns what the copy makes of them now."""
    device, rng = copy.w_avg.device, numbered(config.seed, step)
    chosen = torch.randperm(len(latent.ws), generator=rng)[:config.batch]
    ws, cameras = latent.ws[chosen].to(device), _labels(latent, chosen, device)
    wanted = target.pick(chosen, device)
    pictures = copy.draw(ws, cameras)
    shown = wanted.over(pictures)
    loss = distance(shown, wanted.pictures) + config.pixel * (shown - wanted.pictures).square().mean((1, 2, 3))
    loss = loss.sum()
    if config.locality:
        drawn = sample_w(generator, 1, config.seed * 1_000_003 + step)[:, None].to(device)
        near = torch.lerp(ws[:1], drawn.expand_as(ws[:1]), _HALF_WAY)
        camera = None if cameras is None else cameras[:1]
        with torch.no_grad():
            before = generator.draw(near, camera)
        after = copy.draw(near, camera)
        moved = distance(after, before) + config.pixel * (after - before).square().mean((1, 2, 3))
        loss = loss + config.locality * moved.sum()
    if noises:
        loss = loss + WEIGHT * noise_loss(noises)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    normalise(noises)
    return pictures.detach()


def _labels(latent: GanLatent, chosen: torch.Tensor, device: torch.device) -> torch.Tensor | None:
    if latent.camera is None:
        return None
    return latent.camera.expand(len(latent.ws), -1)[chosen].to(device)
