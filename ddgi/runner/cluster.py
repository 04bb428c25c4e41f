"""Workers on a Ray cluster: one actor for each device, the host inside it."""

import importlib.util
import os
import time
from collections.abc import Callable

from ..batch import Unit
from ..batch.schedule import Event
from ..errors import InputError, first_line
from .host import PACK_ROOT

LOCAL = "local"
_WAIT = 5.0             # seconds for the first event
_PLACED = 600.0         # seconds after which a worker that was not placed will not be


class _Actor:
    """A worker in a process of its own; it also says how long it computed."""

    def __init__(self, make: Callable):
        self._worker = make()

    def process(self) -> int:
        """Its process number; the answer says that it is ready."""
        return os.getpid()

    def render(self, unit: Unit) -> tuple[dict, float]:
        start = time.monotonic()
        return self._worker.render(unit), time.monotonic() - start


class RayPool:
    """See `ddgi.batch.schedule.Pool`; use it as a context manager, which ends its actors.

    Args:
        address: of the cluster, or "local" to start one on this machine.
        make: makes a worker inside an actor; it travels there.
        count: workers, None: one for each graphics card, else for each `threads` cores.
        threads: cores of each. cpu: True takes no graphics cards.

    Attributes:
        processes: process numbers of the workers that are ready, by worker.

    Raises:
        InputError: Ray is not installed, or the cluster does not answer.
    """

    def __init__(self, address: str, make: Callable, *, count: int | None = None, threads: int = 1,
                 cpu: bool | None = None, report: Callable[[str], None] = lambda line: None):
        self._ray, self._make, self._report = _connected(address), make, report
        resources = self._ray.cluster_resources()
        gpus = 0 if cpu else int(resources.get("GPU", 0))
        self.count = count or gpus or max(1, int(resources.get("CPU", 1)) // threads)
        self._options = {"num_cpus": threads if not count else 0, "num_gpus": 1 if gpus else 0,
                         "runtime_env": {"env_vars": {"PYTHONPATH": str(PACK_ROOT), "OMP_NUM_THREADS": str(threads)}}}
        self.processes: dict[int, int] = {}
        self.busy, self.lost = 0.0, 0
        self._ready_at: dict[int, float] = {}
        self._present = 0.0                                 # seconds of workers that are gone
        self._actors: dict[int, object] = {}
        self._tasks: dict = {}                              # what was asked: (worker, unit number or None)
        self._asked_at = time.monotonic()

    def __enter__(self) -> "RayPool":
        for _ in range(self.count):
            self._start()
        return self

    def __exit__(self, *error) -> None:
        for actor in self._actors.values():
            self._ray.kill(actor)
        self._ray.shutdown()

    def _start(self) -> None:
        number = len(self._actors) + self.lost
        actor = self._ray.remote(_Actor).options(**self._options).remote(self._make)
        self._actors[number] = actor
        self._tasks[actor.process.remote()] = number, None
        self._asked_at = time.monotonic()

    def give(self, worker: int, unit: Unit) -> None:
        carried = Unit(unit.number, tuple(job.carrying() for job in unit.jobs))
        self._tasks[self._actors[worker].render.remote(carried)] = worker, unit.number

    def wait(self) -> list[Event]:
        ready, _ = self._ray.wait(list(self._tasks), num_returns=1, timeout=_WAIT)
        if ready:
            ready, _ = self._ray.wait(list(self._tasks), num_returns=len(self._tasks), timeout=0)
        elif not self.processes and time.monotonic() - self._asked_at > _PLACED:
            raise InputError(f"No worker was placed within {_PLACED / 60:.0f} minutes; the cluster has "
                             f"{self._ray.available_resources()} free, and each needs {self._options['num_cpus']} CPU "
                             f"and {self._options['num_gpus']} GPU.")
        return [event for task in ready if task in self._tasks for event in self._events(task)]

    def _events(self, task) -> list[Event]:
        worker, number = self._tasks.pop(task)
        try:
            answer = self._ray.get(task)
        except self._ray.exceptions.RayActorError as error:
            return self._gone(worker, error)
        except self._ray.exceptions.RayTaskError as error:
            raise InputError(f"A worker failed ({first_line(error.cause or error)}); see Ray's logs.") from error
        if number is None:
            self.processes[worker], self._ready_at[worker] = answer, time.monotonic()
            self._report(f"worker {worker + 1} is ready, {len(self.processes)} of {self.count}")
            return [Event(worker)]
        outcomes, seconds = answer
        self.busy += seconds
        return [Event(worker, number, outcomes)]

    def _gone(self, worker: int, error: Exception) -> list[Event]:
        """A worker was lost: forget what it was asked, and start another."""
        self._tasks = {task: asked for task, asked in self._tasks.items() if asked[0] != worker}
        del self._actors[worker]
        self.lost += 1
        was_ready = self.processes.pop(worker, None) is not None
        if not was_ready and self.lost > 2 * self.count:
            raise InputError(f"Workers end as they start ({first_line(error)}); see Ray's logs.") from error
        self._present += time.monotonic() - self._ready_at.pop(worker, time.monotonic())
        self._report(f"worker {worker + 1} was lost; its rows run again on another")
        self._start()
        return [Event(worker, lost=True)]

    def report(self) -> dict:
        """{"workers", "lost", "idle_share"}: the share of the workers' time, from ready to now, in which they had
        nothing to do."""
        now = time.monotonic()
        present = self._present + sum(now - start for start in self._ready_at.values())
        return {"workers": self.count, "lost": self.lost,
                "idle_share": round(max(0.0, 1 - self.busy / present), 4) if present else None}


def _connected(address: str):
    """The module `ray`, connected."""
    if importlib.util.find_spec("ray") is None:
        raise InputError("--ray needs the package ray, which is not installed; run: pip install 'ddgi[ray]', or pip "
                         "install ray, with the Python that runs this, on every machine.")
    import ray

    try:
        ray.init(address=None if address == LOCAL else address, log_to_driver=False, include_dashboard=False,
                 logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(f"The Ray cluster {address} cannot be used ({first_line(error)}); check the address, or give "
                         f"--ray local.") from error
    return ray
