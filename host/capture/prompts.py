"""The positive conditioning of a sampling run: which prompt is read at which step, and which tokens are words."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace

import comfy.samplers
import torch

from ...ddgi.errors import InputError
from ...ddgi.features import fit_words
from .words import SPELLING_KEY, WORDS_KEY


class Prompts:
    """The entries of a positive conditioning, told apart by their uuid; a lower rank comes first in the list.

    Args:
        positive: entries as the host's guiders hold them in `conds`.
        model_sampling: the model's noise schedule, which turns an entry's share of the run into a noise level.

    Raises:
        InputError: no entry has a word.
    """

    def __init__(self, positive: list[dict], model_sampling):
        self.ranks = {entry.get("uuid"): rank for rank, entry in reversed(list(enumerate(positive)))}
        lengths = [entry["cross_attn"].shape[1] for entry in positive]
        self.words = [fit_words(entry.get(WORDS_KEY), length) for entry, length in zip(positive, lengths)]
        self.spelling = [entry.get(SPELLING_KEY, ()) for entry in positive]
        if not any(bool(words.any()) for words in self.words):
            raise InputError("the prompt has no words; write what the face should look like in the positive prompt")
        ranged = list(positive)
        comfy.samplers.calculate_start_end_timesteps(SimpleNamespace(model_sampling=model_sampling), ranged)
        self._ranges = [(entry.get("timestep_start"), entry.get("timestep_end")) for entry in ranged]

    def rank(self, uuid) -> int:
        """Rank of the entry with this uuid; the last one for an entry that nobody knows."""
        return self.ranks.get(uuid, len(self.words) - 1)

    def tokens(self, rank: int) -> int:
        return self.words[rank].shape[1]

    def active(self, sigma: float) -> int | None:
        """Rank of the first entry that the host uses at this noise level, None if it uses none."""
        for rank, (start, end) in enumerate(self._ranges):
            if (start is None or sigma <= start) and (end is None or sigma >= end):
                return rank
        return None

    def check(self, steps: Iterable[int], schedule: list[float]) -> None:
        """Refuse a run whose steps cannot be read, before it begins.

        steps: those to be captured, rising. schedule: noise levels, one more than there are steps in the run.
        Raises InputError if no prompt is active at one of them, or not the same one at all of them.
        """
        ranks = {step: self.active(schedule[step]) for step in steps}
        silent = [step for step, rank in ranks.items() if rank is None]
        if silent:
            total = len(schedule) - 1
            spoken = [step for step in range(total) if self.active(schedule[step]) is not None]
            where = f"it is in use in steps {spoken[0]} to {spoken[-1]}" if spoken else "it is in use in none of them"
            raise InputError(
                f"step {silent[0]} of {total} is to be captured, but the positive prompt is limited to another part "
                f"of the run ({where}; steps count from 0): capture a step in which it is in use, or let its range "
                "reach that step (end 1 reaches the last one)"
            )
        self.check_same(ranks)

    def check_same(self, ranks: dict[int, int]) -> None:
        """Refuse features of several prompts in one value. ranks: of the entry read, by step."""
        (first, rank), *others = ranks.items()
        for step, other in others:
            if not torch.equal(self.words[rank], self.words[other]):
                raise InputError(
                    f"the positive prompt changes between steps {first} and {step}; capture only steps that share "
                    "one prompt"
                )
