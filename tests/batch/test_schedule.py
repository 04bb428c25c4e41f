"""Workers that come, go and are slow: every row comes back once, and nobody stands idle while there is work."""

from collections import Counter, deque

from ddgi.batch.schedule import DEPTH, Event, shared
from ddgi.batch.units import Unit


class Row:
    """As much of a job as the schedule sees."""

    def __init__(self, key):
        self.key = key


def units(count, rows=2):
    return [Unit(number, tuple(Row(f"{number}.{row}") for row in range(rows))) for number in range(count)]


class ToyPool:
    """Workers in turns: each does a unit in `pace[worker]` turns; a worker is lost at a row in `deadly`."""

    def __init__(self, pace, deadly=(), lose=None):
        self.pace, self.deadly, self.lose = dict(enumerate(pace)), set(deadly), lose or {}
        self.queues, self.work = {}, Counter()
        self.events = deque(Event(worker) for worker in self.pace)
        self.idle = self.turns = 0
        self.rendered = Counter()
        self.most = 0

    def give(self, worker, unit):
        self.queues.setdefault(worker, deque()).append(unit)
        self.most = max(self.most, len(self.queues[worker]))

    def wait(self):
        while not self.events:
            self.turns += 1
            assert self.turns < 10_000, "the batch hangs"
            for worker in list(self.pace):
                self._turn(worker)
        found, self.events = list(self.events), deque()
        return found

    def _turn(self, worker):
        queue = self.queues.get(worker)
        if not queue:
            self.idle += 1
            return
        self.work[worker] += 1
        if self.work[worker] < self.pace[worker]:
            return
        self.work[worker] = 0
        unit = queue[0]
        if any(job.key in self.deadly for job in unit.jobs) or self.lose.pop(worker, None):
            self.queues[worker] = deque()
            del self.queues[worker]
            fresh = max(self.pace) + 1
            self.pace[fresh] = self.pace.pop(worker)
            self.events += [Event(worker, lost=True), Event(fresh)]
            return
        queue.popleft()
        self.rendered.update(job.key for job in unit.jobs)
        self.events.append(Event(worker, unit.number, {job.key: [(".png", job.key.encode())] for job in unit.jobs}))


def run(pool, given):
    found = Counter()
    outcomes = {}
    for unit, result in shared(pool)(given):
        found.update(job.key for job in unit.jobs)
        outcomes |= result
    return found, outcomes


def test_every_row_comes_back_once_and_queues_stay_short():
    pool = ToyPool([1, 1])
    found, outcomes = run(pool, units(20))
    assert set(found.values()) == {1} and len(outcomes) == 40
    assert pool.most == DEPTH


def test_a_slow_worker_holds_nobody_up():
    pool = ToyPool([1, 500])
    found, _ = run(pool, units(20))
    assert set(found.values()) == {1} and len(found) == 40
    assert pool.turns < 30                       # its units were done by the other one


def test_what_a_lost_worker_held_runs_again():
    pool = ToyPool([1, 1], lose={0: True})
    found, outcomes = run(pool, units(10))
    assert set(found.values()) == {1} and len(found) == 20
    assert all(not isinstance(outcome, str) for outcome in outcomes.values())


def test_a_row_that_ends_workers_is_given_up_alone():
    pool = ToyPool([1, 1], deadly=["3.1"])
    found, outcomes = run(pool, units(8))
    assert set(found.values()) == {1} and len(found) == 16
    assert [key for key, outcome in outcomes.items() if isinstance(outcome, str)] == ["3.1"]


def test_nothing_to_do_needs_no_worker():
    assert run(ToyPool([]), []) == (Counter(), {})
