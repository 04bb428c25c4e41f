"""Units among workers that come, go and differ in speed: each takes the next when it is free, what is lost runs again.

Rows are idempotent, so a unit may run twice: at the end, idle workers take copies of what the slow ones still hold.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from .run import Outcomes, Render
from .units import Unit

DEPTH = 2               # units at a worker: one in work and one that waits there, so that it never stands idle
_COPIES = 2             # of a unit that is in work
_LOSSES = 2             # workers that a unit may take with it before it is cut up, and a row before it is given up


@dataclass(frozen=True)
class Event:
    """What a worker did: it is ready (neither is set), `lost`, or done with the unit `done`, with `outcomes`."""

    worker: int
    done: int | None = None
    outcomes: Outcomes = field(default_factory=dict)
    lost: bool = False


class Pool(Protocol):
    """Workers by number; one that is lost may be replaced by another number."""

    def give(self, worker: int, unit: Unit) -> None:
        """Send a unit; a worker does its units in the order in which they come."""

    def wait(self) -> list[Event]:
        """What happened since; waits a moment for the first event.

        Raises:
            InputError: there is no worker left, and none will come.
        """


def shared(pool: Pool) -> Render:
    """Units over the workers of a pool; they come back in the order in which they are done."""
    def render(units: Iterable[Unit]) -> Iterator[tuple[Unit, Outcomes]]:
        shift = _Shift(list(units))
        while shift.left:
            for event in pool.wait():
                yield from shift.note(event)
            for worker, unit in shift.orders():
                pool.give(worker, unit)
    return render


class _Shift:
    """Which units wait, which worker holds which, and what is done."""

    def __init__(self, units: list[Unit]):
        self.left = {unit.number: unit for unit in units}
        self.waiting = deque(self.left)
        self.held: dict[int, list[int]] = {}
        self.losses: Counter[int] = Counter()
        self._next = max(self.left, default=0) + 1

    def orders(self) -> Iterator[tuple[int, Unit]]:
        """Who gets what now."""
        for _ in range(DEPTH):
            for worker, held in sorted(self.held.items(), key=lambda item: len(item[1])):
                if len(held) < DEPTH and (number := self._next_for(held)) is not None:
                    held.append(number)
                    yield worker, self.left[number]

    def _next_for(self, held: list[int]) -> int | None:
        if self.waiting:
            return self.waiting.popleft()
        if held:
            return None
        copies = Counter(number for units in self.held.values() for number in units)
        return min((number for number in self.left if copies[number] < _COPIES),
                   key=lambda number: (copies[number], number), default=None)

    def note(self, event: Event) -> Iterator[tuple[Unit, Outcomes]]:
        """Take in an event; gives the unit that it finishes, if any."""
        if event.lost:
            yield from self._lost(self.held.pop(event.worker, []))
            return
        held = self.held.setdefault(event.worker, [])
        if event.done is not None:
            if event.done in held:
                held.remove(event.done)
            if (unit := self.left.pop(event.done, None)) is not None:
                yield unit, event.outcomes

    def _lost(self, units: list[int]) -> Iterator[tuple[Unit, Outcomes]]:
        """Units of a lost worker run again; the one it was at counts as a suspect."""
        self.losses[units[0] if units else -1] += 1
        for number in units:
            if number not in self.left or any(number in held for held in self.held.values()):
                continue
            unit = self.left[number]
            if self.losses[number] < _LOSSES:
                self.waiting.appendleft(number)
            elif len(unit.jobs) > 1:
                self._cut(unit)
            else:
                yield self.left.pop(number), {unit.jobs[0].key: f"{_LOSSES} workers were lost at this row, it may need "
                                                                f"more memory than they have; render it alone."}

    def _cut(self, unit: Unit) -> None:
        """A unit as units of one row each, so that the row that ends workers takes no other with it."""
        del self.left[unit.number]
        for job in unit.jobs:
            self.left[self._next] = Unit(self._next, (job,))
            self.waiting.appendleft(self._next)
            self._next += 1
