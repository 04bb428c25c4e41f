"""Stages 6 and 7: the bridge, M first, then T with M frozen (method.md, "Training")."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ...bridge import Bridge
from ..losses import Features, feature_distance
from ..stage import Stage, batches
from .data import HeadWorldData
from .features import TRUE_IMAGE, FeatureCache
from .settings import Settings

PIXEL_WEIGHT, PERCEPTUAL_WEIGHT = 1.0, 0.25
# The head world knows each face's w, which real photographs do not. It takes the place of the identity loss: T's
# images follow I_0^d, its identity follows I_gt (method.md), so passes of sampling runs have it too, with less weight.
KNOWN_W_WEIGHT, OWN_RUN_KNOWN_W_WEIGHT = 1.0, 0.5
MEAN_W_WEIGHT = 0.002


@dataclass(frozen=True)
class LatentSpace:
    """The frozen generator as the bridge's training sees it.

    w_avg: [w_dim]. known_w: [N, w_dim], the latent of each head-world sample.
    draw: (ws [B, num_ws, w_dim], samples [B]) to pictures [B, 3, R, R], each from its sample's camera.
    on_white: whether pictures show the head alone, on white.
    drawn_share: of a batch, for the image losses (drawing costs the most); all of it gets the w losses.
    """

    w_avg: torch.Tensor
    known_w: torch.Tensor
    draw: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    on_white: bool = False
    drawn_share: float = 0.25


class Objective:
    """The losses that M and T share."""

    def __init__(self, settings: Settings, space: LatentSpace, data: HeadWorldData, cache: FeatureCache,
                 perceptual: Features):
        self.settings, self.space, self.data, self.cache = settings, space, data, cache
        self.perceptual, self.w_avg = perceptual, space.w_avg
        self.w_std = space.known_w.std(0).clamp_min(1e-3).to(self.w_avg)

    def targets(self, index: torch.Tensor) -> torch.Tensor:
        """I_0^d for passes of a sampling run, I_gt for passes on a noised true image; [B, 3, R, R]."""
        finished, sample = self.cache.finished[index], self.cache.sample[index]
        true = self.data.images(sample)
        own = self.cache.images[finished.clamp_min(0)].float() / 127.5 - 1
        target = torch.where((finished == TRUE_IMAGE)[:, None, None, None], true, own)
        if self.space.on_white:
            target = torch.where((self.data.mask[sample] == 0)[:, None], 1.0, target)
        return target.to(self.settings.device)

    def __call__(self, ws: torch.Tensor, index: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
        """Loss of latents [B, num_ws, w_dim] predicted from the passes `index`."""
        rendered = max(1, round(len(index) * self.space.drawn_share))
        sample = self.cache.sample[index]
        image, target = self.space.draw(ws[:rendered], sample[:rendered]), self.targets(index[:rendered])
        weight = self.data.part_weights(sample[:rendered]).to(image)
        pixels = ((image - target).square() * weight).mean()
        seen = feature_distance(self.perceptual, image, target).mean()
        known = self.space.known_w[sample].to(ws)[:, None]
        off = ((ws - known) / self.w_std).square().mean((1, 2))
        is_true = (self.cache.finished[index] == TRUE_IMAGE).to(ws.device)
        known_loss = (off * torch.where(is_true, KNOWN_W_WEIGHT, OWN_RUN_KNOWN_W_WEIGHT)).mean()
        mean_loss = ((ws - self.w_avg) / self.w_std).square().mean()
        loss = PIXEL_WEIGHT * pixels + PERCEPTUAL_WEIGHT * seen + known_loss + MEAN_W_WEIGHT * mean_loss
        return loss, {"pixels": pixels.item(), "perceptual": seen.item(), "unexplained_w": off.mean().item()}


def train_mapping(settings: Settings, bridge: Bridge, objective: Objective, folder, report,
                  name: str = "mapping") -> None:
    """M from passes on noised true images; `name` is the stage's."""
    cache = objective.cache
    rows = torch.nonzero(cache.finished == TRUE_IMAGE).flatten()
    bridge.mapping.norm.measure(cache.rows(rows[:2048], settings.device).h)
    bridge.mapping.w_avg.copy_(objective.w_avg)
    network = bridge.mapping.requires_grad_(True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-3)
    stage = Stage(name, settings.mapping_steps, {"mapping": network}, {"adam": optimizer}, folder,
                  ema_decay=0.995, report=report)

    def step_fn(step: int, generator: torch.Generator) -> dict[str, float]:
        index = rows[batches(len(rows), settings.bridge_batch, step, seed=6)]
        loss, values = objective(network(cache.rows(index, settings.device)), index)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return values

    stage.run(step_fn)
    stage.apply_ema()
    network.requires_grad_(False)


def train_modulation(settings: Settings, bridge: Bridge, objective: Objective, folder, report,
                     name: str = "modulation") -> None:
    """T with M frozen, from all passes; `name` is the stage's."""
    cache = objective.cache
    spread = torch.randperm(len(cache), generator=torch.Generator().manual_seed(7))[:2048]
    bridge.modulation.measure(cache.rows(spread, settings.device))
    network = bridge.modulation.requires_grad_(True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-3)
    stage = Stage(name, settings.modulation_steps, {"modulation": network}, {"adam": optimizer}, folder,
                  ema_decay=0.995, report=report)

    def step_fn(step: int, generator: torch.Generator) -> dict[str, float]:
        index = batches(len(cache), settings.bridge_batch, step, seed=7)
        loss, values = objective(bridge.latent(cache.rows(index, settings.device)), index)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        return values

    stage.run(step_fn)
    stage.apply_ema()
    network.requires_grad_(False)
