"""Stages 6 and 7: the bridge, M first, then T with M frozen (method.md, "Training")."""

import torch

from ...bridge import Bridge
from ...gan import StyleGAN2
from ..losses import Features, feature_distance
from ..stage import Stage, batches
from .data import HeadWorldData
from .features import TRUE_IMAGE, FeatureCache
from .settings import Settings

PIXEL_WEIGHT, PERCEPTUAL_WEIGHT = 1.0, 0.5
KNOWN_W_WEIGHT = 0.3  # the head world knows each face's w, which real photographs do not
MEAN_W_WEIGHT = 0.002
RENDERED_SHARE = 0.5  # share of a batch that is rendered for the image losses; all of it gets the w losses


class Objective:
    """The losses that M and T share; known_w [N, w_dim] is each sample's own latent."""

    def __init__(self, settings: Settings, generator: StyleGAN2, known_w: torch.Tensor, data: HeadWorldData,
                 cache: FeatureCache, perceptual: Features):
        self.settings, self.generator, self.data, self.cache = settings, generator, data, cache
        self.perceptual, self.known_w = perceptual, known_w
        self.w_avg = generator.mapping.w_avg
        self.w_std = self.known_w.std(0).clamp_min(1e-3).to(self.w_avg)

    def targets(self, index: torch.Tensor) -> torch.Tensor:
        """I_0^d for passes of a sampling run, I_gt for passes on a noised true image; [B, 3, R, R]."""
        finished, sample = self.cache.finished[index], self.cache.sample[index]
        true = self.data.images(sample)
        own = self.cache.images[finished.clamp_min(0)].float() / 127.5 - 1
        return torch.where((finished == TRUE_IMAGE)[:, None, None, None], true, own).to(self.settings.device)

    def __call__(self, ws: torch.Tensor, index: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
        """Loss of latents [B, num_ws, w_dim] predicted from the passes `index`."""
        rendered = max(1, round(len(index) * RENDERED_SHARE))
        image = self.generator.synthesis(ws[:rendered], noise_mode="none")
        target = self.targets(index[:rendered])
        weight = self.data.part_weights(self.cache.sample[index[:rendered]]).to(image)
        pixels = ((image - target).square() * weight).mean()
        seen = feature_distance(self.perceptual, image, target).mean()
        known = self.known_w[self.cache.sample[index]].to(ws)[:, None]
        true = (self.cache.finished[index] == TRUE_IMAGE).to(ws)[:, None, None]
        known_loss = (((ws - known) / self.w_std).square() * true).mean()
        mean_loss = ((ws - self.w_avg) / self.w_std).square().mean()
        loss = (PIXEL_WEIGHT * pixels + PERCEPTUAL_WEIGHT * seen + KNOWN_W_WEIGHT * known_loss
                + MEAN_W_WEIGHT * mean_loss)
        return loss, {"pixels": pixels.item(), "perceptual": seen.item(), "known_w": known_loss.item()}


def train_mapping(settings: Settings, bridge: Bridge, objective: Objective, folder, report) -> None:
    """M from passes on noised true images."""
    cache = objective.cache
    rows = torch.nonzero(cache.finished == TRUE_IMAGE).flatten()
    bridge.mapping.norm.measure(cache.rows(rows[:2048], settings.device).h)
    bridge.mapping.w_avg.copy_(objective.w_avg)
    network = bridge.mapping.requires_grad_(True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-3)
    stage = Stage("mapping", settings.mapping_steps, {"mapping": network}, {"adam": optimizer}, folder,
                  ema_decay=0.995, report=report)

    def step_fn(step: int, generator: torch.Generator) -> dict[str, float]:
        index = rows[batches(len(rows), settings.batch, step, seed=6)]
        loss, values = objective(network(cache.rows(index, settings.device)), index)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return values

    stage.run(step_fn)
    stage.apply_ema()
    network.requires_grad_(False)


def train_modulation(settings: Settings, bridge: Bridge, objective: Objective, folder, report) -> None:
    """T with M frozen, from all passes."""
    cache = objective.cache
    spread = torch.randperm(len(cache), generator=torch.Generator().manual_seed(7))[:2048]
    bridge.modulation.measure(cache.rows(spread, settings.device))
    network = bridge.modulation.requires_grad_(True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-3)
    stage = Stage("modulation", settings.modulation_steps, {"modulation": network}, {"adam": optimizer}, folder,
                  ema_decay=0.995, report=report)

    def step_fn(step: int, generator: torch.Generator) -> dict[str, float]:
        index = batches(len(cache), settings.batch, step, seed=7)
        loss, values = objective(bridge.latent(cache.rows(index, settings.device)), index)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        return values

    stage.run(step_fn)
    stage.apply_ema()
    network.requires_grad_(False)
