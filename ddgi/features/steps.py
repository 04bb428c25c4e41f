"""Which denoising steps are kept, and which step a noise level belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InputError


@dataclass(frozen=True)
class StepSelection:
    """A choice of denoising steps that does not depend on how many there are.

    mode: "all", "last", "every" (steps 0, k, 2k, ... and always the last one) or "list".
    every: k. indices: step numbers from 0; negative ones count from the end (-1 = last).
    """

    mode: str = "all"
    every: int = 1
    indices: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.mode not in ("all", "last", "every", "list"):
            raise InputError(f'steps are chosen by {self.mode!r}; use "all", "last", "every" or "list"')
        if self.mode == "every" and self.every < 1:
            raise InputError(f"every-k-th needs k of 1 or more, got {self.every}; use 1 to keep all steps")
        if self.mode == "list" and not self.indices:
            raise InputError("the list of steps is empty; write step numbers such as 0, 5, -1 (-1 is the last step)")

    @classmethod
    def parse(cls, text: str) -> StepSelection:
        """Read "all", "last", "every 4" or a list such as "0, 5, -1"."""
        words = text.replace(",", " ").lower().split()
        try:
            if words in (["all"], ["last"]):
                return cls(words[0])
            if len(words) == 2 and words[0] == "every":
                return cls("every", every=int(words[1]))
            return cls("list", indices=tuple(int(word) for word in words))
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f'cannot read the steps {text!r}; write "all", "last", "every 4" or numbers such as 0, 5, -1'
            ) from error

    def resolve(self, total: int) -> tuple[int, ...]:
        """Step numbers in rising order for a run of `total` steps. Raises InputError if one lies outside."""
        if total < 1:
            raise InputError(f"a run of {total} steps has nothing to capture; sample at least one step")
        if self.mode == "all":
            return tuple(range(total))
        if self.mode == "last":
            return (total - 1,)
        if self.mode == "every":
            return tuple(sorted({*range(0, total, self.every), total - 1}))
        outside = [index for index in self.indices if not -total <= index < total]
        if outside:
            raise InputError(
                f"step {outside[0]} was asked for but the run has {total} steps; "
                f"choose numbers from 0 to {total - 1}, or -1 to -{total} counted from the end"
            )
        return tuple(sorted({index % total for index in self.indices}))


def step_of_sigma(sigma: float, schedule: Sequence[float], first: int = 0) -> int | None:
    """The step that starts at noise level `sigma`, or None for a level between steps.

    schedule: sigmas of the run, one more than there are steps. first: the earliest step
    still running; it decides when a schedule visits one level twice.
    """
    distances = [abs(level - sigma) for level in schedule[:-1]]
    nearest = min(distances, default=0.0)
    # samplers that compute in log-sigma come back with rounding; two levels are never this close
    steps = [i for i, d in enumerate(distances) if d == nearest and d <= 1e-4 * abs(schedule[i])]
    later = [i for i in steps if i >= first]
    return (later or steps[-1:] or [None])[0]
