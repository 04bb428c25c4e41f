"""The latent diffusion model, its text encoder and its ControlNet, trained together.

Stable Diffusion was trained in two steps (text first, ControlNet later on a frozen U-Net). At this size one joint run
reaches further in the same time, if most of its passes have to do without an exact hint: a model that always sees
one needs no words.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from ..training.data.heads import HeadWorld
from ..training.losses import part_weights
from ..training.stage import Stage, batches
from .directions import attribute_directions, direction_loss
from .drawings import draw_hints
from .prompts import draw_prompts
from .settings import Settings
from .text import encode_text

EYE_WEIGHT = 6.0  # against other small parts: two of 64 latents hold the colour that the words say
NAMING_WEIGHT = 0.1
HINT_SIZE_PER_LATENT = 8  # core's ControlNet reads hints at eight times the latent's side


def predict(unet: nn.Module, control_net: nn.Module | None, x, timesteps, context, hint, keep_hint) -> torch.Tensor:
    """One U-Net call whose ControlNet residuals are added out of place (core adds them in place).

    keep_hint: [B, 1, 1, 1] of 0 or 1, whether each sample sees its hint.
    """
    if control_net is None:
        return unet(x, timesteps, context=context)
    control = control_net(x=x, hint=hint, timesteps=timesteps, context=context)
    middle, outputs = control["middle"][0] * keep_hint, list(control["output"])
    patches = {"middle_block_after_patch": [lambda values: {"h": values["h"] + middle}],
               "output_block_patch": [lambda h, skip, options: (h, skip + outputs.pop() * keep_hint)]}
    return unet(x, timesteps, context=context, transformer_options={"patches": patches})


def latent_weights(part_weights: torch.Tensor, side: int) -> torch.Tensor:
    """Pixels' weights [B, 1, R, R] to those of the latents over them, [B, 1, side, side], 1 on average.

    The mask that the weights follow from is a hint that the U-Net sees, so the mean that a squared error leads to
    stays what it was; it is only found sooner where the weights are high.
    """
    weights = F.adaptive_avg_pool2d(part_weights, side)
    return weights / weights.mean()


def draw_timesteps(exact: torch.Tensor, count: int, rng: torch.Generator) -> torch.Tensor:
    """Timesteps [B] in 0 .. count - 1: uniform with an exact hint, mostly noisy ones without.

    What a picture shows is decided while it is noise; with an exact hint it is decided already. The density of the
    noisy ones is sigmoid(N(1, 1)), the logit-normal of Esser et al. 2024 moved towards noise.
    """
    uniform = torch.rand(len(exact), generator=rng)
    noisy = torch.sigmoid(1 + torch.randn(len(exact), generator=rng))
    return (torch.where(exact, uniform, noisy) * count).long().clamp_max(count - 1)


def train_diffusion(settings: Settings, networks: dict[str, nn.Module], alphas_cumprod: torch.Tensor,
                    latents: torch.Tensor, data: HeadWorld, tokenize: Callable[[str], list[int]],
                    folder, report) -> None:
    """v-prediction (Salimans and Ho 2022); latents over small parts, eyes above all, count more, and so do the
    directions that tell attributes apart.

    Args:
        networks: "unet", "control_net", "text" (core's CLIP text transformer) and "heads" (`NamedHeads`).
        alphas_cumprod: [1000], the host's noise schedule.
        latents: [N, z, h, w], scaled to unit variance.
        tokenize: caption -> 77 token ids.
    """
    parameters = [p for m in networks.values() for p in m.requires_grad_(True).parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=settings.diffusion_rate, betas=(0.9, 0.99), weight_decay=1e-3,
                                  fused=True)
    stage = Stage("diffusion", settings.diffusion_steps, networks, {"adam": optimizer}, folder, ema_decay=0.998,
                  report=report)
    attributes, styles = data.looks()
    directions = attribute_directions(latents, attributes, styles).to(settings.device)
    device = settings.device

    def step_fn(step: int, rng: torch.Generator) -> dict[str, float]:
        index = batches(len(data), settings.diffusion_batch, step, seed=2)
        rows = data.rows(index.tolist())
        prompts = draw_prompts(rows["attributes"], rows["style"], tokenize, rng)
        hints = draw_hints(rows["mask"], rows["lines"], prompts, rng)
        timesteps = draw_timesteps(hints.exact, len(alphas_cumprod), rng)
        clean = latents[index].to(device)
        noise = torch.randn(clean.shape, generator=rng).to(device)
        alpha = alphas_cumprod[timesteps].sqrt()[:, None, None, None].to(clean)
        sigma = (1 - alphas_cumprod[timesteps]).sqrt()[:, None, None, None].to(clean)
        context = encode_text(networks["text"], prompts.tokens.to(device))
        output = predict(networks["unet"], networks["control_net"], alpha * clean + sigma * noise,
                         timesteps.float().to(device), context, hints.hint.to(device), hints.keep.to(device))
        off = output - (alpha * noise - sigma * clean)
        weight = latent_weights(part_weights(rows["mask"], EYE_WEIGHT), clean.shape[-1]).to(clean)
        error = (off.square() * weight).mean()
        told = direction_loss(directions, rows["style"].to(device), sigma * off)
        naming, right = networks["heads"].loss(context, prompts)
        optimizer.zero_grad(set_to_none=True)
        (error + told + NAMING_WEIGHT * naming).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        return {"error": error.item(), "told": told.item(), "naming": naming.item(), "right": right}

    stage.run(step_fn)
    stage.apply_ema()
    for module in networks.values():
        module.requires_grad_(False).eval()
