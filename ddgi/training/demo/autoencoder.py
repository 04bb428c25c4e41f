"""Stage 1: the autoencoder, core's AutoencoderKL trained on head-world images."""

import torch
from torch import nn

from ..losses import edge_l1, pyramid_l1
from ..stage import Stage, batches
from .data import HeadWorldData
from .settings import Settings

KL_WEIGHT = 1e-5
EDGE_WEIGHT = 0.5
LATENT_NOISE = 0.05  # of the latents' own spread


def train_autoencoder(settings: Settings, autoencoder: nn.Module, data: HeadWorldData, folder, report) -> None:
    """L1 on an image pyramid down to 4x4 (colours first), L1 on edges and a small KL term.

    A little noise on the latents makes the decoder forgive what a sampler gets slightly wrong.

    `autoencoder` has `encoder`, `quant_conv`, `post_quant_conv` and `decoder`, as core's AutoencoderKL.
    """
    autoencoder.requires_grad_(True)
    optimizer = torch.optim.AdamW(autoencoder.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-4)
    stage = Stage("autoencoder", settings.vae_steps, {"autoencoder": autoencoder}, {"adam": optimizer}, folder,
                  ema_decay=0.99, report=report)

    def step_fn(step: int, generator: torch.Generator) -> dict[str, float]:
        image = data.images(batches(len(data), settings.vae_batch, step, seed=1)).to(settings.device)
        mean, log_variance = autoencoder.quant_conv(autoencoder.encoder(image)).chunk(2, dim=1)
        log_variance = log_variance.clamp(-20, 10)
        noise = torch.randn(mean.shape, generator=generator).to(mean)
        latent = mean + noise * ((0.5 * log_variance).exp() + LATENT_NOISE * mean.detach().std())
        output = autoencoder.decoder(autoencoder.post_quant_conv(latent))
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        pixels = pyramid_l1(output, image, levels=5)
        loss = pixels + EDGE_WEIGHT * edge_l1(output, image) + KL_WEIGHT * kl
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(autoencoder.parameters(), 1.0)
        optimizer.step()
        return {"pixels": pixels.item(), "kl": kl.item()}

    stage.run(step_fn)
    stage.apply_ema()
    autoencoder.requires_grad_(False).eval()


@torch.no_grad()
def encode_all(settings: Settings, autoencoder: nn.Module, data: HeadWorldData) -> torch.Tensor:
    """Mean latents [N, z, h, w] of every image (unscaled)."""
    parts = []
    for index in torch.arange(len(data)).split(64):
        moments = autoencoder.quant_conv(autoencoder.encoder(data.images(index).to(settings.device)))
        parts.append(moments.chunk(2, dim=1)[0].cpu())
    return torch.cat(parts)
