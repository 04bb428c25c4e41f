"""The text encoder learns what a sentence names before any picture is learnt.

Stable Diffusion starts from CLIP, where "glasses" has a place of its own. A text encoder that starts from nothing
finds no place for words whose pixels are few: as long as it has none, no loss on pictures teaches the word.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from ..training.data.heads import HeadWorld
from ..training.stage import Stage, batches
from .prompts import VALUES, Prompts, draw_prompts
from .settings import Settings

RATE = 2e-3                                # at half of it, rare words stay where they are


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


class NamedHeads(nn.Module):
    """Reads off an encoded sentence which value of each attribute it names: linear, so that the words lie apart.

    The end token and the padding behind it are read, because a U-Net attends to both.
    """

    def __init__(self, width: int, operations=nn):
        super().__init__()
        self.sizes = [len(values) + 1 for values in VALUES.values()]  # the last value: not named
        self.linear = operations.Linear(2 * width, sum(self.sizes))

    def forward(self, context: torch.Tensor, tokens: torch.Tensor) -> list[torch.Tensor]:
        """Encoded sentences [B, 77, width] and their tokens [B, 77] to logits of each attribute."""
        last = tokens[:, -1:]                                     # padding repeats the end token
        end = (tokens == last).int().argmax(1)
        behind = torch.arange(tokens.shape[1], device=tokens.device) > end[:, None]
        padding = (context * behind[..., None]).sum(1) / behind.sum(1, keepdim=True).clamp_min(1)
        rows = torch.arange(len(tokens), device=tokens.device)
        return list(self.linear(torch.cat([context[rows, end], padding], 1)).split(self.sizes, 1))

    def loss(self, context: torch.Tensor, prompts: Prompts) -> tuple[torch.Tensor, float]:
        """Cross entropy, mean over the attributes, and the share read right."""
        logits, losses, right = self(context, prompts.tokens.to(context.device)), [], []
        for values, named in zip(logits, prompts.named.to(context.device).unbind(1)):
            target = torch.where(named < 0, values.shape[1] - 1, named)
            losses.append(F.cross_entropy(values, target))
            right.append((values.argmax(1) == target).float().mean())
        return torch.stack(losses).mean(), torch.stack(right).mean().item()


def train_text(settings: Settings, text: nn.Module, heads: NamedHeads, data: HeadWorld,
               tokenize: Callable[[str], list[int]], folder, report) -> None:
    """`text` (core's CLIP text transformer) and `heads` together, from sentences alone."""
    parameters = [*text.requires_grad_(True).parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, betas=(0.9, 0.99), weight_decay=1e-3)
    stage = Stage("text", settings.text_steps, {"text": text, "heads": heads}, {"adam": optimizer}, folder,
                  ema_decay=0.99, report=report)
    attributes, styles = data.looks()

    def step_fn(step: int, rng: torch.Generator) -> dict[str, float]:
        index = batches(len(data), settings.text_batch, step, seed=15)
        prompts = draw_prompts(attributes[index], styles[index], tokenize, rng)
        loss, right = heads.loss(encode_text(text, prompts.tokens.to(settings.device)), prompts)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        return {"naming": loss.item(), "right": right}

    stage.run(step_fn)
    stage.apply_ema()
