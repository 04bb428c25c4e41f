"""The hints of the diffusion model's training: none, exact, or as a hand draws them, with parts left out."""

from dataclasses import dataclass

import torch
from einops import rearrange

from ..facemask import mask_to_hint
from ..roughness import leave_out, rough_mask, rough_scribble
from .prompts import Prompts

NO_HINT, ROUGH = 0.35, 0.3                 # shares; the rest are exact
SCRIBBLES = 0.45                           # of the hints; the others are masks
LEAVE_OUT = 0.3                            # how often a part is missing that the words name
# What may be missing from a drawing, if the prompt names it: else the drawing says that it is not there.
_NAMED_BY = {"glasses": "glasses", "hat": "hat", "earrings": "earrings", "necklace": "necklace", "expression": "mouth"}


@dataclass(frozen=True)
class Drawings:
    """hint: [B, 3, R, R] in 0..1, white paper where there is none. keep: float [B, 1, 1, 1], 0 without a hint.

    exact: bool [B], whether the hint is the exact mask or scribble.
    """

    hint: torch.Tensor
    keep: torch.Tensor
    exact: torch.Tensor


def draw_hints(masks: torch.Tensor, lines: torch.Tensor, prompts: Prompts, rng: torch.Generator) -> Drawings:
    """Hints for heads with exact masks uint8 [B, R, R] and scribbles uint8 [B, R, R]."""
    chance = torch.rand(len(masks), generator=rng)
    scribble = torch.rand(len(masks), generator=rng) < SCRIBBLES
    free = {group: prompts.names(name).tolist() for name, group in _NAMED_BY.items()}
    hints = []
    for row, (mask, exact_lines) in enumerate(zip(masks, lines)):
        if chance[row] < NO_HINT:
            hints.append(torch.ones(3, *mask.shape))
        elif chance[row] < NO_HINT + ROUGH:
            may_miss = {group for group, named in free.items() if named[row]}
            hints.append(_rough(mask, bool(scribble[row]), may_miss, rng))
        else:
            hints.append(_paper(exact_lines.bool()) if scribble[row] else _coloured(mask))
    return Drawings(torch.stack(hints), (chance >= NO_HINT).float()[:, None, None, None], chance >= NO_HINT + ROUGH)


def _rough(mask: torch.Tensor, scribble: bool, may_miss: set[str], rng: torch.Generator) -> torch.Tensor:
    missing = [group for group in sorted(may_miss) if torch.rand((), generator=rng) < LEAVE_OUT]
    keep = set(_NAMED_BY.values()) - may_miss
    mask = leave_out(mask, missing)
    return _paper(rough_scribble(mask, rng, keep)) if scribble else _coloured(rough_mask(mask, rng, keep))


def _coloured(classes: torch.Tensor) -> torch.Tensor:
    return rearrange(mask_to_hint(classes), "h w c -> c h w")


def _paper(lines: torch.Tensor) -> torch.Tensor:
    return (~lines).float().expand(3, -1, -1)
