"""Word maps: softmax(QK^T) of a cross-attention layer, reduced over heads."""

from __future__ import annotations

import torch
from einops import rearrange, reduce


def head_probabilities(q: torch.Tensor, k: torch.Tensor, heads: int) -> torch.Tensor:
    """Attention probabilities of one sample in fp32.

    q: [HW, heads * d], k: [T, heads * d] -> [heads, HW, T], rows summing to 1.
    softmax(QK^T / sqrt(d)): Vaswani et al. 2017, eq. 1.
    """
    d = q.shape[-1] // heads
    q = rearrange(q.float(), "n (heads d) -> heads n d", heads=heads)
    k = rearrange(k.float(), "t (heads d) -> heads d t", heads=heads)
    return torch.matmul(q * d**-0.5, k).softmax(dim=-1)


def fold_tokens(probabilities: torch.Tensor, tokens: int | None) -> torch.Tensor:
    """Bring [..., T] to [..., tokens], the prompt's own length.

    The host repeats a short prompt until it is as long as the longest one in the batch;
    the repeats share one token's probability, so they are summed (exact). Tokens that
    another pack appended after the prompt are left out; missing ones count as 0.
    """
    seen = probabilities.shape[-1]
    if tokens is None or seen == tokens:
        return probabilities
    if seen % tokens == 0:
        return reduce(probabilities, "... (repeats tokens) -> ... tokens", "sum", tokens=tokens)
    if seen > tokens:
        return probabilities[..., :tokens]
    return torch.nn.functional.pad(probabilities, (0, tokens - seen))


def word_probabilities(
    q: torch.Tensor, k: torch.Tensor, heads: int, tokens: int | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and maximum over heads of softmax(QK^T).

    q: [B, HW, heads * d], k: [B, T, heads * d] -> two fp32 tensors [B, HW, tokens].
    One sample at a time, so that memory stays at one sample's heads * HW * T floats.
    """
    means, peaks = [], []
    for sample_q, sample_k in zip(q, k):
        probabilities = fold_tokens(head_probabilities(sample_q, sample_k, heads), tokens)
        means.append(probabilities.mean(dim=0))
        peaks.append(probabilities.amax(dim=0))
    return torch.stack(means), torch.stack(peaks)
