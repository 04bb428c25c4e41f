"""Word maps: softmax(QK^T / sqrt(d)) written out, and prompts that the host repeats, cuts or lengthens."""

import math

import pytest
import torch

from ddgi.features.attention import fold_tokens, word_probabilities


def by_hand(q, k, heads):
    """[B, heads, HW, T] in double precision, one number at a time."""
    q, k = q.double(), k.double()
    d = q.shape[-1] // heads
    out = torch.empty(len(q), heads, q.shape[1], k.shape[1], dtype=torch.float64)
    for b, h, n in ((b, h, n) for b in range(len(q)) for h in range(heads) for n in range(q.shape[1])):
        part = slice(h * d, (h + 1) * d)
        scores = [float(q[b, n, part] @ k[b, t, part]) / math.sqrt(d) for t in range(k.shape[1])]
        total = sum(math.exp(score) for score in scores)
        out[b, h, n] = torch.tensor([math.exp(score) / total for score in scores])
    return out


def test_mean_and_maximum_over_heads():
    rng = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 3, 8, generator=rng), torch.randn(2, 5, 8, generator=rng)
    expected = by_hand(q, k, 2)
    mean, peak = word_probabilities(q, k, 2)
    assert torch.allclose(mean.double(), expected.mean(1), atol=1e-6)  # single precision
    assert torch.allclose(peak.double(), expected.amax(1), atol=1e-6)


@pytest.mark.parametrize("tokens, expected", [
    (None, [0.1, 0.2, 0.3, 0.4]), (4, [0.1, 0.2, 0.3, 0.4]),
    (2, [0.1 + 0.3, 0.2 + 0.4]),        # the host repeated a prompt of two tokens
    (3, [0.1, 0.2, 0.3]),               # another pack appended one
    (6, [0.1, 0.2, 0.3, 0.4, 0.0, 0.0]),
])
def test_tokens_of_the_prompt_alone(tokens, expected):
    folded = fold_tokens(torch.tensor([[0.1, 0.2, 0.3, 0.4]]), tokens)
    assert torch.allclose(folded, torch.tensor([expected]))
