"""The folder of a batch: what is done is what is on the disk, whoever was killed in between.

    faces/<words>-<key>.png     the pictures
    done.jsonl                  a line for every row that is whole, written after its files
    batch.json                  what decides the pictures' bytes besides the rows
    manifest.json, index.html, sheet.jpg     written at the end
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..files import atomic_path, sweep, write_error, write_text
from ..lock import FolderLock
from .plan import Job, Plan

FACES, DONE, FACTS, MANIFEST = "faces", "done.jsonl", "batch.json", "manifest.json"
FORMAT = {"format": "ddgi.batch", "version": 1}
# Endings of a row's files with their bytes: [(".png", b"...")].
Made = Sequence[tuple[str, bytes]]


class Store:
    """`with store:` holds the folder for this process and reads what is done.

    Args:
        facts: JSON values that decide bytes, such as the faces in a sampler call; a folder that was begun with others
            is refused.

    Attributes:
        done: by key, {"key", "files": {name: {"bytes", "sha256"}}}.

    Raises:
        InputError: the folder is in use, cannot be written, or was begun with other facts.
    """

    def __init__(self, folder: str | Path, facts: dict):
        self.folder, self.facts = Path(folder), facts
        self.done: dict[str, dict] = {}
        self._lock = FolderLock(self.folder)
        self._log = None

    def __enter__(self) -> "Store":
        self._lock.__enter__()
        try:
            self._open()
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *error) -> None:
        if self._log is not None:
            self._log.close()
        self._lock.__exit__(*error)

    def _open(self) -> None:
        self._check_facts()
        try:
            (self.folder / FACES).mkdir(exist_ok=True)
            sweep(self.folder / FACES)
            self.done = {record["key"]: record for record in self._records() if self._is_whole(record)}
            self._log = open(self.folder / DONE, "ab")
            if self._log.tell() and not self._ends_with_newline():
                self._log.write(b"\n")          # what a killed process left of a line ends here
        except OSError as error:
            raise write_error(self.folder, error) from error

    def _check_facts(self) -> None:
        wanted, path = {**FORMAT, **self.facts}, self.folder / FACTS
        if not path.is_file():
            self.write_text(FACTS, json.dumps(wanted, indent=2) + "\n")
            return
        found = begun(self.folder)
        for name, value in wanted.items():
            if found.get(name) != value:
                raise InputError(f"{self.folder} was begun with {name} {found.get(name)!r} and is now to go on with "
                                 f"{value!r}, which makes other pictures; keep {found.get(name)!r}, or choose another "
                                 f"folder.")

    def _records(self) -> list[dict]:
        try:
            lines = (self.folder / DONE).read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        records = []
        for line in lines:
            with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
                record = json.loads(line)
                if record["key"] and all(isinstance(file["bytes"], int) for file in record["files"].values()):
                    records.append(record)
        return records

    def _is_whole(self, record: dict) -> bool:
        """Whether the files are there, as long as they were."""
        try:
            return all((self.folder / FACES / name).stat().st_size == file["bytes"]
                       for name, file in record["files"].items())
        except OSError:
            return False

    def _ends_with_newline(self) -> bool:
        with open(self.folder / DONE, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"

    def add(self, job: Job, made: Made) -> None:
        """Write a row's files, each whole or not at all, and then the line that says so.

        Raises:
            InputError: the disk is full or the folder closed.
        """
        files = {}
        for ending, data in made:
            name = job.name + ending
            with atomic_path(self.folder / FACES / name, tidy=False) as temporary:
                temporary.write_bytes(data)
            files[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        record = {"key": job.key, "files": files}
        try:
            self._log.write(json.dumps(record).encode() + b"\n")
            self._log.flush()
        except OSError as error:
            raise write_error(self.folder / DONE, error) from error
        self.done[job.key] = record

    def path(self, name: str) -> Path:
        """Where a file of a row lies."""
        return self.folder / FACES / name

    def write_text(self, name: str, text: str) -> None:
        """Write a file of the folder itself, whole or not at all."""
        write_text(self.folder / name, text)

    def write_manifest(self, plan: Plan, jobs_digest: str, problems: dict[str, str]) -> None:
        """What was asked for and what was made, row by row: the same for every way that led there.

        Files are named by the first 16 digits of their SHA-256, made ones by all 64.

        problems: of rows that could not be rendered, beside those of the plan.
        """
        rows = [_manifest_row(job, self.done[job.key]) for job in plan.jobs if job.key in self.done]
        failed = {**plan.problems, **problems}
        names = {digest: job.files[kind].name for job in plan.jobs for kind, digest in job.inputs.items()}
        manifest = {**FORMAT, **self.facts, "jobs": jobs_digest, "inputs": dict(sorted(names.items())), "rows": rows,
                    "same": plan.same, "problems": dict(sorted(failed.items(), key=lambda item: place(item[0])))}
        self.write_text(MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")


def begun(folder: str | Path) -> dict:
    """The facts that a folder was begun with; empty where it is new.

    Raises:
        InputError: its record cannot be read.
    """
    path = Path(folder) / FACTS
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {**found}
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} cannot be read ({error}); it is no folder of a batch, choose another.") from error


def place(label: str) -> tuple[int, ...]:
    """Sorts labels as they stand in the file: "3" before "3.2" before "12"."""
    return tuple(int(part) for part in label.split("."))


def _manifest_row(job: Job, record: dict) -> dict:
    return {"row": job.label, "key": job.key, "prompt": job.prompt, "asked": job.row.values(), "inputs": job.inputs,
            "files": {name: file["sha256"] for name, file in record["files"].items()}}
