"""Stage 2: the latent diffusion model, its text encoder and its ControlNet, trained together.

Stable Diffusion was trained in two steps (text first, ControlNet later on a frozen U-Net). At this
size one joint run with dropped prompts and dropped hints reaches further in the same time.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from ..training.stage import Stage, batches
from .data import SCRIBBLE_SHARE, HeadWorldData, hint_batch
from .settings import Settings

DROP_PROMPT, DROP_HINT = 0.1, 0.1
EYE_WEIGHT = 6.0  # against other small parts: two of 64 latents hold the colour that the words say
HINT_SIZE_PER_LATENT = 8  # core's ControlNet reads hints at eight times the latent's side


def encode_text(transformer: nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    """Core's CLIP text model [B, 77] -> [B, 77, width], without its in-place additions, which autograd refuses."""
    model = transformer.text_model
    x = model.embeddings(tokens)
    mask = torch.full((x.shape[1], x.shape[1]), -torch.finfo(x.dtype).max, dtype=x.dtype, device=x.device).triu_(1)

    def attention(q, k, v, heads, mask):
        q, k, v = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (q, k, v))
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)

    for layer in model.encoder.layers:
        x = x + layer.self_attn(layer.layer_norm1(x), mask, attention)
        x = x + layer.mlp(layer.layer_norm2(x))
    return model.final_layer_norm(x)


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


def train_diffusion(settings: Settings, networks: dict[str, nn.Module], alphas_cumprod: torch.Tensor,
                    latents: torch.Tensor, data: HeadWorldData, tokenize: Callable[[str], list[int]],
                    folder, report) -> None:
    """v-prediction (Salimans and Ho 2022) at uniform timesteps; latents over small parts, eyes above all, count more.

    Args:
        networks: "unet", "control_net" and "text" (core's CLIP text transformer).
        alphas_cumprod: [1000], the host's noise schedule.
        latents: [N, z, h, w], scaled to unit variance.
        tokenize: caption -> 77 token ids.
    """
    parameters = [p for m in networks.values() for p in m.requires_grad_(True).parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-3, fused=True)
    stage = Stage("diffusion", settings.diffusion_steps, networks, {"adam": optimizer}, folder, ema_decay=0.998,
                  report=report)
    tokens = torch.tensor([tokenize(caption) for caption in data.captions])
    empty = torch.tensor(tokenize(""))
    hint_size = latents.shape[-1] * HINT_SIZE_PER_LATENT

    def step_fn(step: int, generator: torch.Generator) -> dict[str, float]:
        index = batches(len(data), settings.diffusion_batch, step, seed=2)
        chance = torch.rand(3, len(index), generator=generator)
        ids = torch.where((chance[0] < DROP_PROMPT)[:, None], empty, tokens[index]).to(settings.device)
        hint = hint_batch(data, index, chance[1] < SCRIBBLE_SHARE, hint_size).to(settings.device)
        keep_hint = (chance[2] >= DROP_HINT).float()[:, None, None, None].to(settings.device)
        timesteps = torch.randint(0, len(alphas_cumprod), (len(index),), generator=generator)
        clean = latents[index].to(settings.device)
        noise = torch.randn(clean.shape, generator=generator).to(settings.device)
        alpha = alphas_cumprod[timesteps].sqrt()[:, None, None, None].to(clean)
        spread = (1 - alphas_cumprod[timesteps]).sqrt()[:, None, None, None].to(clean)
        context = encode_text(networks["text"], ids)
        output = predict(networks["unet"], networks["control_net"], alpha * clean + spread * noise,
                         timesteps.float().to(settings.device), context, hint, keep_hint)
        weight = latent_weights(data.part_weights(index, EYE_WEIGHT), clean.shape[-1]).to(clean)
        error = (output - (alpha * noise - spread * clean)).square()
        loss = (error * weight).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        return {"loss": loss.item(), "unweighted": error.mean().item()}

    stage.run(step_fn)
    stage.apply_ema()
    for module in networks.values():
        module.requires_grad_(False).eval()
