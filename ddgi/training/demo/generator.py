"""Stage 3: the StyleGAN2, first from known head-world parameters, then with an adversarial polish."""

import torch
from torch import nn
from torch.nn import functional as F

from ...gan import Discriminator, StyleGAN2
from ..losses import Features, feature_distance, pyramid_l1, r1_penalty
from ..stage import Stage, batches
from .data import HeadWorldData
from .settings import Settings

PERCEPTUAL_WEIGHT = 0.5
# Mapping weights are stored at 1 / lr_mul = 100 times their effective size, so their rate is raised alike.
MAPPING_RATE = 50.0
ADVERSARIAL_WEIGHT, R1_WEIGHT, R1_EVERY = 0.05, 2.0, 8


def _reconstruction(output, image, perceptual: Features) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = pyramid_l1(output, image)
    return pixels, feature_distance(perceptual, output, image).mean()


def _optimizer(generator: StyleGAN2, rate: float) -> torch.optim.Optimizer:
    return torch.optim.Adam([{"params": list(generator.mapping.parameters()), "lr": rate * MAPPING_RATE},
                             {"params": list(generator.synthesis.parameters()), "lr": rate}], betas=(0.0, 0.99))


def train_generator(settings: Settings, generator: StyleGAN2, data: HeadWorldData, perceptual: Features, folder,
                    report) -> None:
    """z is the head world's own latent, so the picture that belongs to each z is known: plain regression."""
    optimizer = _optimizer(generator, 2e-3)
    stage = Stage("generator", settings.generator_steps, {"generator": generator}, {"adam": optimizer}, folder,
                  ema_decay=0.998, report=report)

    def step_fn(step: int, rng: torch.Generator) -> dict[str, float]:
        index = batches(len(data), settings.batch, step, seed=3)
        image = data.images(index).to(settings.device)
        output = generator(data.z[index].to(settings.device), noise_mode="none")
        pixels, seen = _reconstruction(output, image, perceptual)
        optimizer.zero_grad(set_to_none=True)
        (pixels + PERCEPTUAL_WEIGHT * seen).backward()
        optimizer.step()
        return {"pixels": pixels.item(), "perceptual": seen.item()}

    stage.run(step_fn)
    stage.apply_ema()


def polish_generator(settings: Settings, generator: StyleGAN2, data: HeadWorldData, perceptual: Features, folder,
                     report) -> None:
    """Non-saturating GAN loss with lazy R1, on top of the reconstruction loss that keeps each face in place."""
    critic = Discriminator(generator.config).to(settings.device)
    optimizers = {"generator": _optimizer(generator, 5e-4),
                  "critic": torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.0, 0.99))}
    stage = Stage("polish", settings.polish_steps, {"generator": generator, "critic": critic}, optimizers, folder,
                  ema_decay=0.99, report=report)

    def step_fn(step: int, rng: torch.Generator) -> dict[str, float]:
        index = batches(len(data), settings.batch, step, seed=4)
        image, z = data.images(index).to(settings.device), data.z[index].to(settings.device)
        output = generator(z, noise_mode="none")
        critic_loss = F.softplus(critic(output.detach())).mean() + F.softplus(-critic(image)).mean()
        if step % R1_EVERY == 0:
            critic_loss = critic_loss + R1_WEIGHT * R1_EVERY / 2 * r1_penalty(critic, image)
        optimizers["critic"].zero_grad(set_to_none=True)
        critic_loss.backward()
        optimizers["critic"].step()
        pixels, seen = _reconstruction(output, image, perceptual)
        fooled = F.softplus(-critic(output)).mean()
        optimizers["generator"].zero_grad(set_to_none=True)
        (pixels + PERCEPTUAL_WEIGHT * seen + ADVERSARIAL_WEIGHT * fooled).backward()
        optimizers["generator"].step()
        return {"pixels": pixels.item(), "perceptual": seen.item(), "fooled": fooled.item(),
                "critic": critic_loss.item()}

    stage.run(step_fn)
    stage.apply_ema()


@torch.no_grad()
def set_w_avg(generator: StyleGAN2, samples: int = 4096) -> None:
    """Store the mean of w over random z as `mapping.w_avg`."""
    z = torch.randn(samples, generator.config.z_dim, generator=torch.Generator().manual_seed(0))
    device = generator.mapping.w_avg.device
    generator.mapping.w_avg.copy_(generator.mapping(z.to(device))[:, 0].mean(0))
