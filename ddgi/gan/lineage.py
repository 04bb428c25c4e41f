"""Which generator a latent or a direction belongs to, and which generators that one comes from."""

import dataclasses
from collections.abc import Iterable

from ..errors import InputError


@dataclasses.dataclass(frozen=True)
class Lineage:
    """A generator's identity without its weights.

    Attributes:
        fingerprint: `Generator.fingerprint`; empty where it is not known.
        name: for people.
        ancestry: fingerprints of the generators it was blended or fine-tuned from, and of theirs.
    """

    fingerprint: str
    name: str
    ancestry: tuple[str, ...] = ()

    def is_relative(self, other: "Lineage") -> bool:
        """Whether the two are the same, one comes from the other, or both come from a third.

        Relatives read the same latents, because copies keep the mapping network and start from the same weights.
        """
        return bool({self.fingerprint, *self.ancestry} & {other.fingerprint, *other.ancestry} - {""})

    def check(self, other: "Lineage", what: str) -> None:
        """Refuse a stranger; `what` says what is of `self`, for example "This latent".

        Raises:
            InputError: the message has both names.
        """
        if not self.is_relative(other):
            raise InputError(f"{what} was made for generator {self.called()}, not for {other.called()}; use the "
                             f"generator it was made for, or a fine-tuned or blended copy of that one.")

    def called(self) -> str:
        """Name and fingerprint for messages."""
        return f"{self.name!r} ({self.fingerprint or 'no fingerprint'})"

    def descend(self) -> tuple[str, ...]:
        """The ancestry of a copy of this generator."""
        return tuple(dict.fromkeys((self.fingerprint, *self.ancestry)))


def joined_ancestry(parents: Iterable[Lineage]) -> tuple[str, ...]:
    """The ancestry of a generator that comes from several."""
    return tuple(dict.fromkeys(name for parent in parents for name in parent.descend()))


def ancestry_of(value: object) -> tuple[str, ...]:
    """An ancestry as files hold it: a list of text; anything else is none."""
    return tuple(name for name in value if isinstance(name, str)) if isinstance(value, list | tuple) else ()
