"""From captured features to the maps that M and T read."""

from dataclasses import dataclass

import torch
from einops import rearrange

from ..features import StepFeatures
from ..pictures import resize


@dataclass(frozen=True)
class BridgeInputs:
    """What M and T read of one denoising step.

    h: [B, C, S, S] middle block. f: per stage [B, C_n, h_n, w_n]. attention: A_t^n, per stage
    [B, C_n or 1, h_n, w_n]. words: [B, 1, map, map], the mean attention on the prompt's words (A-bar).
    timestep: [B] in fp32, t of each row; only bridges with `timestep_channels` read it.
    """

    h: torch.Tensor
    f: tuple[torch.Tensor, ...]
    attention: tuple[torch.Tensor, ...]
    words: torch.Tensor
    timestep: torch.Tensor | None = None

    def to(self, *args) -> "BridgeInputs":
        """Like `torch.Tensor.to` for the maps; `timestep` follows the device only."""
        h = self.h.to(*args)
        return BridgeInputs(h, tuple(x.to(*args) for x in self.f), tuple(x.to(*args) for x in self.attention),
                            self.words.to(*args), None if self.timestep is None else self.timestep.to(h.device))


def bridge_inputs(step: StepFeatures, words: torch.Tensor, config) -> BridgeInputs:
    """Pool one step's attention as docs/method.md says.

    Args:
        step: captured features of one denoising step.
        words: bool [B or 1, tokens], True on the prompt's words.
        config: a BridgeConfig.
    """
    batch = step.h.shape[0]
    chosen = words.to(step.h.device).expand(batch, -1)
    # A prompt without words (an empty prompt) attends to nothing in particular: all tokens count.
    chosen = torch.where(chosen.any(1, keepdim=True), chosen, torch.ones_like(chosen))
    mean = [_over_words(maps, chosen) for maps in step.word_mean]
    if config.attention_source == "output":
        attention = step.attention
    else:
        attention = tuple(m.masked_fill(~chosen[:, :, None, None], 0).amax(1, keepdim=True) for m in step.word_max)
    average = torch.stack([resize(m, config.map_size) for m in mean]).mean(0)
    timestep = torch.as_tensor(step.timestep, dtype=torch.float32, device=step.h.device).expand(batch)
    return BridgeInputs(resize(step.h, config.middle_size), tuple(step.f), tuple(attention), average, timestep)


def _over_words(maps: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Mean of [B, tokens, h, w] over the chosen tokens -> [B, 1, h, w]."""
    weight = chosen.to(maps.dtype)
    weight = weight / weight.sum(1, keepdim=True)
    return rearrange(torch.einsum("bt,bthw->bhw", weight, maps), "b h w -> b 1 h w")
