"""Maps of one decoder stage, gathered while the network runs: its features, attention output and word maps."""

from __future__ import annotations

import torch
from einops import rearrange

from ..errors import InputError
from .attention import word_probabilities


class Rows:
    """Takes the wanted rows of a batch, and refuses a batch that another patch has reshaped."""

    def __init__(self, rows: slice, batch: int):
        self.rows = rows
        self.batch = batch

    def __call__(self, tensor: torch.Tensor, what: str) -> torch.Tensor:
        if tensor.shape[0] != self.batch:
            raise InputError(
                f"the {what} has a batch of {tensor.shape[0]} where the U-Net was called with {self.batch}: another "
                "model patch splits the batch; remove that patch (tiling, windows) while capturing features"
            )
        return tensor[self.rows].detach()


class StageMaps:
    """Running maximum and mean over one stage's attention layers, then the stage's features.

    expected: K, the attention layers that must have reported when the stage ends.
    tokens: the prompt's own token count, None to keep what the attention sees.
    store_device: where the maps go; None leaves them where they are.
    """

    def __init__(self, expected: int, rows: Rows, tokens: int | None, store_device: torch.device | None):
        self.expected = expected
        self.rows = rows
        self.tokens = tokens
        self.store_device = store_device
        self.layers = self.word_layers = 0
        self.attention = self.word_sum = self.word_peak = None
        self.maps: tuple[torch.Tensor, ...] | None = None

    def add_output(self, output: torch.Tensor) -> None:
        """The attention output softmax(QK^T)V of one layer, [N, HW, C], before its output projection."""
        output = self.rows(output, "attention output")
        self.attention = output.clone() if self.attention is None else torch.maximum(self.attention, output)
        self.layers += 1

    def add_words(self, q: torch.Tensor, k: torch.Tensor, heads: int) -> None:
        """Queries [N, HW, heads * d] and keys [N, T, heads * d] of one layer."""
        q, k = self.rows(q, "attention query"), self.rows(k, "attention key")
        mean, peak = word_probabilities(q, k, heads, self.tokens)  # [B, HW, T]
        self.word_layers += 1
        if self.word_sum is None:
            self.word_sum, self.word_peak = mean, peak
            return
        self.word_sum += mean
        torch.maximum(self.word_peak, peak, out=self.word_peak)

    def end(self, f: torch.Tensor) -> None:
        """The features [N, C, h, w] that leave the stage."""
        f = self.rows(f, "decoder stage")
        if min(self.layers, self.word_layers) < self.expected:
            raise InputError(
                f"a decoder stage ran {min(self.layers, self.word_layers)} of its {self.expected} cross-attention "
                "layers: another model patch skips or replaces the rest; remove that patch while capturing features"
            )
        maps = (self.attention, self.word_sum / self.word_layers, self.word_peak)
        self.maps = (self._store(f), *(self._store(_to_map(m, f)) for m in maps))
        self.attention = self.word_sum = self.word_peak = None

    def _store(self, tensor: torch.Tensor) -> torch.Tensor:
        # copy=True: f is a view of a live activation that later layers may reuse
        return tensor.to(self.store_device or tensor.device, copy=True, memory_format=torch.contiguous_format)


def _to_map(tokens: torch.Tensor, f: torch.Tensor) -> torch.Tensor:
    """[B, HW, C] -> [B, C, h, w] of the stage's size."""
    height, width = f.shape[-2:]
    if tokens.shape[1] != height * width:
        raise InputError(
            f"an attention layer saw {tokens.shape[1]} positions in a stage of {height} x {width}: another model "
            "patch resizes or merges them; remove that patch while capturing features"
        )
    return rearrange(tokens, "b (h w) c -> b c h w", h=height)
