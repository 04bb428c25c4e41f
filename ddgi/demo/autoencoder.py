"""Stage 1: the autoencoder, core's AutoencoderKL trained on head-world images."""

import torch
from torch import nn

from ..pictures import from_bytes
from ..training.data.heads import HeadWorld
from ..training.losses import edge_l1, part_weights, pyramid_l1
from ..training.stage import Stage, batches
from .settings import Settings

KL_WEIGHT = 1e-5
EDGE_WEIGHT = 0.5
LATENT_NOISE = 0.05  # of the latents' own spread


def train_autoencoder(settings: Settings, autoencoder: nn.Module, data: HeadWorld, folder, report) -> None:
    """L1 on an image pyramid down to 4x4 (colours first), L1 on edges and a small KL term; small parts count more.

    `autoencoder` has `encoder`, `quant_conv`, `post_quant_conv` and `decoder`, as core's AutoencoderKL.
    """
    autoencoder.requires_grad_(True)
    stage = _stage("autoencoder", settings.vae_steps, autoencoder, folder, report)

    def step_fn(step: int, rng: torch.Generator) -> dict[str, float]:
        index = batches(len(data), settings.vae_batch, step, seed=1)
        mean, log_variance = _moments(autoencoder, _images(data, index, settings.device))
        noise = torch.randn(mean.shape, generator=rng).to(mean)
        spread = (0.5 * log_variance).exp() + LATENT_NOISE * mean.detach().std()
        loss, values = _reconstruction(autoencoder, mean + noise * spread, data, index)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        _descend(stage, autoencoder, loss + KL_WEIGHT * kl)
        return values | {"kl": kl.item()}

    stage.run(step_fn)
    stage.apply_ema()
    autoencoder.requires_grad_(False).eval()


def train_decoder(settings: Settings, autoencoder: nn.Module, data: HeadWorld, folder, report) -> None:
    """The decoder alone, for the latents that users decode: the encoder's means, with the same little noise."""
    decoder = nn.ModuleList([autoencoder.post_quant_conv, autoencoder.decoder]).requires_grad_(True)
    stage = _stage("decoder", settings.decoder_steps, decoder, folder, report)

    def step_fn(step: int, rng: torch.Generator) -> dict[str, float]:
        index = batches(len(data), settings.vae_batch, step, seed=10)
        with torch.no_grad():
            mean, _ = _moments(autoencoder, _images(data, index, settings.device))
        noise = torch.randn(mean.shape, generator=rng).to(mean)
        loss, values = _reconstruction(autoencoder, mean + noise * LATENT_NOISE * mean.std(), data, index)
        _descend(stage, decoder, loss)
        return values

    stage.run(step_fn)
    stage.apply_ema()
    decoder.requires_grad_(False).eval()


def _stage(name: str, steps: int, module: nn.Module, folder, report) -> Stage:
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-4)
    return Stage(name, steps, {name: module}, {"adam": optimizer}, folder, ema_decay=0.99, report=report)


def _moments(autoencoder: nn.Module, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and log variance of the latents, each [B, z, h, w]."""
    mean, log_variance = autoencoder.quant_conv(autoencoder.encoder(image)).chunk(2, dim=1)
    return mean, log_variance.clamp(-20, 10)


def _reconstruction(autoencoder: nn.Module, latent: torch.Tensor, data: HeadWorld,
                    index: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
    output = autoencoder.decoder(autoencoder.post_quant_conv(latent))
    rows = data.rows(index.tolist())
    image, weight = from_bytes(rows["image"]).to(output), part_weights(rows["mask"]).to(output)
    pixels = pyramid_l1(output, image, levels=5, weight=weight)
    edge = edge_l1(output, image, weight)
    return pixels + EDGE_WEIGHT * edge, {"pixels": pixels.item(), "edges": edge.item()}


def _images(data: HeadWorld, index: torch.Tensor, device: str) -> torch.Tensor:
    """[B, 3, R, R] in -1..1."""
    return from_bytes(data.rows(index.tolist())["image"]).to(device)


def _descend(stage: Stage, module: nn.Module, loss: torch.Tensor) -> None:
    optimizer = stage.optimizers["adam"]
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    optimizer.step()


@torch.no_grad()
def encode_all(settings: Settings, autoencoder: nn.Module, data: HeadWorld) -> torch.Tensor:
    """Mean latents [N, z, h, w] of every image (unscaled)."""
    return torch.cat([_moments(autoencoder, _images(data, index, settings.device))[0].cpu()
                      for index in torch.arange(len(data)).split(64)])
