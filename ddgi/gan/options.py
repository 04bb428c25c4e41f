"""Options that a generator family declares, so that nodes and commands can offer them without knowing the family."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One setting of a family: a whole number, a number, or a choice, as its default says.

    Attributes:
        name: keyword of the call that takes it.
        default: stands for "as the file has it" or "as usual", and is never passed on.
        tooltip: for people: whole sentences that name the family.
        low, high, step: of numbers.
        choices: of a choice, the default first.
    """

    name: str
    default: float | int | str
    tooltip: str
    low: float = 0
    high: float = 0
    step: float = 1
    choices: tuple[str, ...] = ()


def chosen(options: Iterable[Option], values: Mapping[str, object]) -> dict:
    """Those of the values that an option of this name takes and that differ from its default (or None)."""
    defaults = {option.name: option.default for option in options}
    return {name: value for name, value in values.items()
            if name in defaults and value is not None and value != defaults[name]}
