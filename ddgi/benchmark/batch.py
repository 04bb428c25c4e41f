"""What a batch is measured with: rows of the demo, a worker that only takes time, and folders compared."""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

from ..batch import Unit
from ..batch.run import Outcomes
from ..headworld import render_batch
from ..training.data.sample import name_hash

_NO_PART = ("done.jsonl", "in-use.lock")        # the order of work and who did it


def demo_rows(count: int, examples: Path) -> list[dict]:
    """Rows with the captions of head world's first heads and the drawings of a folder in turn, every row another seed.
    """
    drawings = sorted(path.name for kind in ("mask", "scribble") for path in examples.glob(f"{kind}_*.png"))
    captions = [text for start in range(0, count, 64)
                for text in render_batch(range(start, min(start + 64, count)), 16).captions]
    return [{"prompt": caption, drawings[seed % len(drawings)].partition("_")[0]: drawings[seed % len(drawings)],
             "seed": seed} for seed, caption in enumerate(captions)]


def write_rows(path: Path, rows: Sequence[dict]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


class StubWorker:
    """Renders nothing: waits for each row and gives its key in the place of a picture.

    Args:
        seconds: for a row, a quarter more or less by chance, as rows differ.
    """

    def __init__(self, seconds: float):
        self.seconds = seconds

    def __enter__(self) -> "StubWorker":
        return self

    def __exit__(self, *error) -> None:
        pass

    def render(self, unit: Unit) -> Outcomes:
        chance = name_hash(str(unit.number))
        time.sleep(self.seconds * len(unit.jobs) * (0.75 + 0.5 * chance))
        return {job.key: [(".txt", job.key.encode())] for job in unit.jobs}


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a batch's folder that does not tell how it came about, by name."""
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in _NO_PART}
