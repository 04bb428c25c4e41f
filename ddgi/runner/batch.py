"""A batch from its file to its folder: the host for lookups and faces, a server for workflows, a cluster if asked."""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..batch import Plan, Store, Unit, plan_jobs, read_jobs, run_batch
from ..batch.folders import Folders
from ..batch.progress import Progress
from ..batch.run import Outcomes, local
from ..batch.schedule import shared
from ..config import check_count
from ..files import file_digest

_MOST_FACES, _MOST_THREADS = 1024, 1024


@dataclasses.dataclass(frozen=True)
class Options:
    """How rows are rendered.

    Attributes:
        faces: in a sampler call. threads: of the CPU in each worker. Both decide the last bits of pictures.
        cpu: True uses the CPU even where there is a graphics card.
        ray, workers: see `cluster.RayPool`; without an address all is done in this process.
        allowed: folders that rows may name files in, besides their own. defaults: see `plan_jobs`.
        check: stop when the rows are checked.
    """

    faces: int = 16
    threads: int = 1
    cpu: bool | None = None
    ray: str | None = None
    workers: int | None = None
    allowed: tuple[str, ...] = ()
    defaults: dict = dataclasses.field(default_factory=dict)
    check: bool = False

    def __post_init__(self):
        check_count("--faces", self.faces, 1, _MOST_FACES)
        check_count("--threads", self.threads, 1, _MOST_THREADS)
        if self.workers is not None:
            check_count("--workers", self.workers, 1, 10_000)


class Worker:
    """Renders units of both kinds; what a kind needs is started at its first unit. Use it as a context manager.

    Args:
        away: it works on another machine than the batch was planned on, so model files are compared.
    """

    def __init__(self, options: Options, away: bool = False):
        self._options, self._away = options, away
        self._faces = self._workflows = None

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *error) -> None:
        if self._workflows is not None:
            self._workflows.__exit__(*error)

    def render(self, unit: Unit) -> Outcomes:
        """What became of each row, by key."""
        return (self._graphs() if unit.has_workflow else self._chain()).render(unit)

    def _graphs(self):
        if self._workflows is None:
            from .workflow_rows import WorkflowRows

            self._workflows = WorkflowRows(cpu=self._options.cpu, threads=self._options.threads)
        return self._workflows

    def _chain(self):
        if self._faces is None:
            import torch

            from .host import host_commands

            torch.set_num_threads(self._options.threads)
            self._faces = host_commands(cpu=self._options.cpu).batch_faces(self._options.faces, verify=self._away)
        return self._faces


def render_jobs(jobs: Path, out: Path, options: Options, report: Callable[[str], None] = lambda line: None,
                on_progress: Callable[[Progress], None] = lambda progress: None) -> tuple[dict, dict[str, str]]:
    """Render the rows of a file into a folder, or only check them.

    Returns:
        Facts for --json, and the rows that have no picture, each with its sentence.

    Raises:
        InputError: the file, the folder, the host or the cluster cannot be used.
    """
    plan, digest = _planned(jobs, options), file_digest(jobs)
    report(f"{len(plan):,} rows: {len(plan.jobs):,} to render, {len(plan.same):,} that ask for the same as others, "
           f"{len(plan.problems):,} with mistakes")
    if options.check:
        return {"rows": len(plan), "sentence": f"{len(plan.jobs):,} rows can be rendered.",
                "problems": plan.problems}, plan.problems
    facts: dict = {}
    with Store(out, {"faces": options.faces, "threads": options.threads}) as store:
        run = partial(run_batch, plan, store, faces=options.faces, jobs_digest=digest, on_progress=on_progress)
        if options.ray is None:
            with Worker(options) as worker:
                summary = run(local(worker))
        else:
            from .cluster import RayPool

            with RayPool(options.ray, partial(Worker, options, away=True), count=options.workers,
                         threads=options.threads, cpu=options.cpu, report=report) as pool:
                summary = run(shared(pool))
                facts = pool.report()
            report(f"{facts['workers']} workers, {facts['idle_share']:.1%} of their time without work, "
                   f"{facts['lost']} lost")
    return {**dataclasses.asdict(summary), **facts, "sentence": summary.sentence}, summary.problems


def _planned(jobs: Path, options: Options) -> Plan:
    entries = read_jobs(jobs)                   # before the host, which takes its time
    from .host import host_commands

    lookup = host_commands(cpu=options.cpu).batch_lookup()
    return plan_jobs(entries, Folders(jobs, options.allowed, lookup.examples), lookup, options.defaults)
