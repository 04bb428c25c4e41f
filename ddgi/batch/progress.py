"""How far a batch is, how fast it goes, and when it will be done."""

import time
from collections.abc import Callable


class Progress:
    """Counts rows; its line says what is left at the pace since it began.

    Args:
        total: rows of the batch. done: those that were done before. clock: seconds, for tests.
    """

    def __init__(self, total: int, done: int = 0, clock: Callable[[], float] = time.monotonic):
        self.total, self.before, self.made, self._clock = total, done, 0, clock
        self._start = clock()

    def add(self, rows: int) -> None:
        """So many more are rendered, or known to fail."""
        self.made += rows

    @property
    def done(self) -> int:
        return self.before + self.made

    @property
    def seconds(self) -> float:
        """Since it began."""
        return self._clock() - self._start

    @property
    def rate(self) -> float:
        """Rows a second; 0 before the first."""
        return self.made / max(self.seconds, 1e-9)

    def line(self) -> str:
        """"320/1,000 rows, 3.4 a second, about 3 min left"."""
        text = f"{self.done:,}/{self.total:,} rows"
        if self.rate:
            text += f", {self.rate:.3g} a second"
            if left := self.total - self.done:
                text += f", about {duration(left / self.rate)} left"
        return text


def duration(seconds: float) -> str:
    """"40 s", "3 min", "2 h 10 min", "3 d 4 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"
