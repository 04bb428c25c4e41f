"""What prompts name: sentences with all or some of a head's attributes, as tokens and as what they tell."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..headworld import ATTRIBUTES, STYLES, WORN, caption
from ..training.data.heads import TELL_ABSENT

# Of the prompts; all others name everything. What a prompt does not name is free, not absent.
NAME_NOTHING, NAME_SOME = 0.08, 0.27
PHRASINGS = 2 ** 16
VALUES = {**ATTRIBUTES, "style": tuple(STYLES)}
_NAMELESS = {"hair_colour": "none", "style": "studio"}


@dataclass(frozen=True)
class Prompts:
    """A batch of sentences.

    tokens: [B, 77]. named: int64 [B, len(VALUES)], the value of each attribute that the sentence names, or -1.
    """

    tokens: torch.Tensor
    named: torch.Tensor

    def names(self, attribute: str) -> torch.Tensor:
        """bool [B]: whether the sentence names the attribute."""
        return self.named[:, list(VALUES).index(attribute)] >= 0


def draw_prompts(attributes: torch.Tensor, styles: torch.Tensor, tokenize: Callable[[str], list[int]],
                 rng: torch.Generator) -> Prompts:
    """Sentences about heads.

    Args:
        attributes: int64 [B, 10]. styles: [B], places in `STYLES`.
        tokenize: a sentence to 77 token ids.
    """
    chance = torch.rand(len(attributes), generator=rng)
    share = torch.rand(len(attributes), 1, generator=rng)
    told = torch.rand(len(attributes), len(VALUES), generator=rng) < share
    told = (chance >= NAME_NOTHING + NAME_SOME)[:, None] | told
    told[:, -1] = True  # a sentence that names no style means the studio's
    told[chance < NAME_NOTHING] = False
    absent = torch.rand(told.shape, generator=rng) < TELL_ABSENT
    values = torch.cat([attributes, styles.long()[:, None]], 1)
    named = values.where(told & _nameable(values) & (absent | ~_not_worn(values)), -1)
    phrasings = torch.randint(PHRASINGS, (len(attributes),), generator=rng).tolist()
    sentences = ["" if nothing else _sentence(row, values, phrasing) for nothing, row, values, phrasing
                 in zip((chance < NAME_NOTHING).tolist(), attributes.tolist(), named.tolist(), phrasings)]
    return Prompts(torch.tensor([tokenize(sentence) for sentence in sentences]), named)


def _nameable(values: torch.Tensor) -> torch.Tensor:
    """bool [B, len(VALUES)]: what can be seen and has a word."""
    hides = torch.tensor([[name in style.hides for name in VALUES] for style in STYLES.values()])
    nameless = torch.tensor([VALUES[name].index(_NAMELESS[name]) if name in _NAMELESS else -1 for name in VALUES])
    return ~hides[values[:, -1]] & (values != nameless)


def _not_worn(values: torch.Tensor) -> torch.Tensor:
    """bool [B, len(VALUES)]: things that could be worn and are not."""
    return (values == 0) & torch.tensor([name in WORN for name in VALUES])


def _sentence(row: list[int], named: list[int], phrasing: int) -> str:
    told = {name for name, value in zip(VALUES, named) if value >= 0}
    style = list(STYLES)[named[-1]] if "style" in told else "studio"
    return caption(row, phrasing, told - {"style"}, style)
