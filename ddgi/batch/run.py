"""A whole batch: what is left is rendered unit by unit, kept as it comes, and shown at the end."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ..errors import InputError
from .pages import write_pages
from .plan import Plan
from .progress import Progress
from .store import Made, Store, place
from .units import Unit, make_units

# By key: the row's files, or the sentence that says why there are none.
Outcomes = dict[str, "Made | str"]
# Units to what became of each, in any order; the local worker and the cluster are of this kind.
Render = Callable[[Iterable[Unit]], Iterator[tuple[Unit, Outcomes]]]


@dataclass
class Summary:
    """What became of a batch.

    Attributes:
        rows: in the file, grids written out. made: rendered now. before: were there already. same: ask for what an
            earlier row does. problems: by label, what is wrong with rows that have no picture.
        seconds: of rendering. units: calls of the worker.
    """

    rows: int
    made: int = 0
    before: int = 0
    same: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    units: int = 0

    @property
    def sentence(self) -> str:
        text = f"{self.made:,} of {self.rows:,} rows rendered"
        if self.before:
            text += f", {self.before:,} were there"
        if self.same:
            text += f", {self.same:,} ask for the same as others"
        if self.problems:
            text += f", {len(self.problems):,} could not be rendered"
        return text + (f"; {self.made / self.seconds:.3g} a second." if self.made and self.seconds else ".")


def run_batch(plan: Plan, store: Store, render: Render, *, faces: int, jobs_digest: str = "",
              on_progress: Callable[[Progress], None] = lambda progress: None) -> Summary:
    """Render the rows of `plan` that `store`, which must be open, does not have, and write manifest and pages.

    faces: sampled in one call.

    Raises:
        InputError: the folder cannot be written. Rows that fail are in the summary instead.
    """
    left = [job for job in plan.jobs if job.key not in store.done]
    summary = Summary(len(plan), before=len(plan.jobs) - len(left), same=len(plan.same), problems=dict(plan.problems))
    units, progress, failed = make_units(left, faces), Progress(len(plan.jobs), len(plan.jobs) - len(left)), {}
    on_progress(progress)
    for unit, outcomes in render(units):
        for job in unit.jobs:
            outcome = outcomes.get(job.key, "The worker gave nothing for this row; run the batch again.")
            if isinstance(outcome, str):
                failed[job.label] = outcome
            else:
                store.add(job, outcome)
                summary.made += 1
        summary.units += 1
        progress.add(len(unit.jobs))
        on_progress(progress)
    summary.seconds = progress.seconds
    summary.problems = dict(sorted({**plan.problems, **failed}.items(), key=lambda item: place(item[0])))
    store.write_manifest(plan, jobs_digest, failed)
    write_pages(store, plan, summary.problems)
    return summary


def local(worker) -> Render:
    """Units one after another in this process; `worker.render(unit)` gives outcomes by key."""
    def render(units: Iterable[Unit]) -> Iterator[tuple[Unit, Outcomes]]:
        for unit in units:
            yield unit, worker.render(unit)
    return render


def one_by_one(jobs: Iterable, make: Callable[[object], Made]) -> Outcomes:
    """Each job's files or sentence, so that one bad row costs no other."""
    outcomes: Outcomes = {}
    for job in jobs:
        try:
            outcomes[job.key] = make(job)
        except InputError as error:
            outcomes[job.key] = str(error)
    return outcomes
