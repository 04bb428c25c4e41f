"""Units of work: rows whose faces are sampled in one call."""

from collections.abc import Iterable
from dataclasses import dataclass

from .plan import MODELS, Job

_MOST_ROWS = 4          # rows of a unit over the faces it samples: styles and cameras of one face are rows of their own
_GRAPHS = 8             # rows of a unit that are run one by one


@dataclass(frozen=True)
class Unit:
    """number: its place in the batch. jobs: rows that are rendered together, all with a workflow or none."""

    number: int
    jobs: tuple[Job, ...]

    @property
    def has_workflow(self) -> bool:
        return self.jobs[0].has_workflow


def face_of(job: Job) -> tuple:
    """What decides the sampled face of a row without a workflow; style, edits and cameras come after it."""
    return job.prompt, job.inputs.get("drawing"), job.row.hint, job.row.number


def models_of(job: Job) -> tuple:
    """What rows without a workflow share whose faces are sampled in one call."""
    return job.settings, tuple((kind, job.files[kind]) for kind in MODELS if kind in job.files)


def make_units(jobs: Iterable[Job], faces: int) -> list[Unit]:
    """Units of at most `faces` sampled faces each, rows of the same settings and models together, in their order.

    Which rows share a unit decides nothing about their pictures, so what is left of a batch may be cut up anew.
    """
    groups: dict[tuple, dict[tuple, list[Job]]] = {}
    graphs: list[Job] = []
    for job in jobs:
        if job.has_workflow:
            graphs.append(job)
            continue
        groups.setdefault(models_of(job), {}).setdefault(face_of(job), []).append(job)
    found: list[tuple[Job, ...]] = []
    for by_face in groups.values():
        found += _packed(by_face.values(), faces)
    found += [tuple(graphs[start:start + _GRAPHS]) for start in range(0, len(graphs), _GRAPHS)]
    return [Unit(number, unit) for number, unit in enumerate(found)]


def _packed(by_face: Iterable[list[Job]], faces: int) -> list[tuple[Job, ...]]:
    units: list[tuple[Job, ...]] = []
    rows: list[Job] = []
    count = 0
    for same in by_face:
        for start in range(0, len(same), _MOST_ROWS * faces):
            part = same[start:start + _MOST_ROWS * faces]
            if rows and (count == faces or len(rows) + len(part) > _MOST_ROWS * faces):
                units.append(tuple(rows))
                rows, count = [], 0
            rows += part
            count += 1
    return [*units, tuple(rows)] if rows else units
