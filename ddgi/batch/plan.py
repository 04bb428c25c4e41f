"""From a file of rows to jobs: each row checked with its files, keyed by all that decides its pictures."""

import contextlib
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from ..errors import InputError
from ..files import file_digest
from ..headworld import STYLES
from .drawings import check_drawing
from .folders import Folders
from .jobs import Entry
from .row import Row, parse_row
from .settings import FaceSettings, face_settings
from .wildcards import fill

WILDCARDS = "wildcards"             # the folder of lists beside the file of rows
CARRIED = ("drawing", "workflow")
MODELS = ("checkpoint", "control_net", "vae", "generator", "bridge")
_SLUG = 40


class Lookup(Protocol):
    """What only the host knows.

    examples: the folder of drawings that may be named without a folder, or None.
    """

    examples: Path | None

    def check(self, settings: FaceSettings) -> None:
        """Raise InputError for a sampler or scheduler that there is not."""

    def named(self, kind: str, name: str) -> Path | None:
        """The file of that name in the model folders of a kind (a field of FaceSettings), or None."""

    def demo(self, is_3d: bool) -> dict[str, Path]:
        """The demo models by kind."""

    def demo_style(self, style: str) -> Path | None:
        """The demo's 2D generator in a style of head world, or None."""

    def direction(self, name: str) -> "tuple[Path, str | None] | None":
        """The file of a direction in the model folders, and its name inside that file if there are several; None where
        there is none of that name. Raises InputError for a name that several have."""

    def workflow(self, path: Path) -> Path:
        """The API workflow behind a file; raises InputError where there is none."""

    def check_workflow(self, job: "Job") -> None:
        """Raise InputError where a row's workflow lacks what the row sets."""


@dataclass(frozen=True)
class Job:
    """A row that can be rendered.

    Attributes:
        label: where it stands, "3" or "3.17". row: what it asks for.
        prompt: the words with every choice made and the style's words in front.
        settings: of a row without a workflow, else None.
        files: "drawing", "workflow", "style" (a stylised generator), "edit NAME" (a file of directions) and the models
            by kind, those that it has.
        inputs: digests of these files.
        inside: names of directions inside the files of edits, by edit, where a file has several.
        carried: bytes of its drawing and workflow, for a worker on another machine.
    """

    label: str
    row: Row
    prompt: str
    settings: FaceSettings | None
    files: dict[str, Path]
    inputs: dict[str, str]
    inside: dict[str, str] = field(default_factory=dict)
    carried: dict[str, bytes] = field(default_factory=dict)

    @property
    def has_workflow(self) -> bool:
        return "workflow" in self.files

    @property
    def models(self) -> dict[str, Path]:
        """The files that are no part of the row itself."""
        return {name: path for name, path in self.files.items() if name not in CARRIED}

    def facts(self) -> dict:
        """All that decides its pictures: files by their contents, the prompt by its words."""
        settings = self.row.settings if self.settings is None else vars(self.settings)
        seed = self.row.seed if self.has_workflow else self.row.number
        return {"prompt": self.prompt, "hint": self.row.hint, "seed": seed, "edits": self.row.edits,
                "inside": self.inside, "cameras": self.row.cameras, "settings": settings, "inputs": self.inputs}

    @cached_property
    def key(self) -> str:
        """16 hex digits: a hash of its facts."""
        return hashlib.sha256(json.dumps(self.facts(), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """The beginning of its files' names: words of the prompt and the key."""
        plain = unicodedata.normalize("NFKD", self.prompt).encode("ascii", "ignore").decode().lower()
        words = re.sub(r"[^a-z0-9]+", "-", plain)[:_SLUG].strip("-")
        return f"{words or 'face'}-{self.key}"

    def contents(self, name: str) -> bytes:
        """Bytes of its "drawing" or "workflow".

        Raises:
            InputError: the file is gone, or no longer the one that the batch was planned with.
        """
        if name in self.carried:
            return self.carried[name]
        path = self.files[name]
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path.name} cannot be read any more ({error.strerror}); put it back.") from error
        if hashlib.sha256(data).hexdigest()[:16] != self.inputs[name]:
            raise InputError(f"{path.name} was changed while the batch ran; run the batch again.")
        return data

    def carrying(self) -> "Job":
        """The same with the bytes of its drawing and workflow in hand, those that can be read."""
        carried = {}
        for name in self.files.keys() & set(CARRIED):
            with contextlib.suppress(InputError):   # whoever asks for the contents gets the sentence
                carried[name] = self.contents(name)
        return replace(self, carried=carried)


@dataclass(frozen=True)
class Plan:
    """jobs: in the file's order, each key once. same: labels of rows that ask for what an earlier one does, with that
    one's label. problems: labels of broken rows, with a sentence."""

    jobs: tuple[Job, ...]
    same: dict[str, str]
    problems: dict[str, str]

    def __len__(self) -> int:
        return len(self.jobs) + len(self.same) + len(self.problems)


def plan_jobs(entries: Iterable[Entry], folders: Folders, lookup: Lookup, defaults: dict | None = None) -> Plan:
    """Check every row.

    Args:
        defaults: `set` values for rows that do not have them: names with a dot for rows with a workflow, others for
            rows without.
    """
    planner = _Planner(folders, lookup, defaults or {})
    jobs: dict[str, Job] = {}
    same, problems = {}, {}
    for entry in entries:
        try:
            if entry.values is None:
                raise InputError(entry.problem)
            job = planner.job(entry.label, parse_row(entry.values))
        except InputError as error:
            problems[entry.label] = str(error)
            continue
        if job.key in jobs:
            same[entry.label] = jobs[job.key].label
        else:
            jobs[job.key] = job
    return Plan(tuple(jobs.values()), same, problems)


class _Planner:
    """Makes jobs; what rows share is looked at once."""

    def __init__(self, folders: Folders, lookup: Lookup, defaults: dict):
        self.folders, self.lookup, self.defaults = folders, lookup, defaults
        self._once: dict = {}

    def job(self, label: str, row: Row) -> Job:
        shared = {name: value for name, value in self.defaults.items() if ("." in name) == bool(row.workflow)}
        row = Row(**{**vars(row), "settings": dict(sorted({**shared, **row.settings}.items()))})
        files, prompt = self._drawing(row), fill(row.prompt, row.number, self._lines)
        settings, inside = None, {}
        if row.workflow:
            files["workflow"] = self._cached(self.lookup.workflow, self.folders.file("workflow", row.workflow))
        else:
            settings = self._cached(_settings, json.dumps(row.settings))
            self._cached(self.lookup.check, settings)
            files |= self._cached(self._models, settings, bool(row.cameras))
        style = self._style(row, settings)
        if isinstance(style, Path):
            files["style"] = style
        else:
            prompt = style + prompt
        for name, _ in row.edits:
            files[f"edit {name}"], within = self._direction(row, name)
            inside |= {name: within} if within else {}
        inputs = {name: self._cached(file_digest, path) for name, path in sorted(files.items())}
        job = Job(label, row, prompt, settings, files, inputs, inside)
        if row.workflow:
            self.lookup.check_workflow(job)
        return job

    def _drawing(self, row: Row) -> dict[str, Path]:
        if not row.drawing:
            return {}
        path = self.folders.drawing(row.hint, row.drawing)
        self._cached(check_drawing, path, row.hint)
        return {"drawing": path}

    def _models(self, settings: FaceSettings, is_3d: bool) -> dict[str, Path]:
        """Model files by kind: names in the host's folders, paths where rows may read, the demo's for the rest."""
        found = self.lookup.demo(is_3d) if settings.is_demo else {}
        for kind in MODELS:
            name = getattr(settings, kind)
            if name and not (kind == "checkpoint" and settings.is_demo):
                found[kind] = self.lookup.named(kind, name) or self.folders.file(f"set.{kind}", name)
        return found

    def _direction(self, row: Row, name: str) -> tuple[Path, str | None]:
        """The file of an edit's direction, and its name inside that."""
        if row.workflow:
            raise InputError(f"edits has {name[:60]!r}, and a workflow edits faces itself; use set.")
        found = self._cached(self.lookup.direction, name)
        if found is not None:
            return found
        try:
            return self.folders.file("edits", name), None
        except InputError as error:
            raise InputError(f"There is no direction {name[:60]!r} in ComfyUI's models/ddgi/directions, and it is no "
                             f"file beside the rows either; save one with DDGI Save Direction.") from error

    def _style(self, row: Row, settings: FaceSettings | None) -> Path | str:
        """The words that a style's prompts begin with, or the file of a stylised generator."""
        if not row.style:
            return ""
        if row.style in STYLES:
            if not row.prompt:
                raise InputError(f"style is {row.style!r}, which is words in front of a prompt; give a prompt too.")
            by_demo = settings is not None and settings.is_demo and not settings.generator and not row.cameras
            found = self._cached(self.lookup.demo_style, row.style) if by_demo else None
            return found or STYLES[row.style].openings[0]
        if row.workflow:
            raise InputError(f"style is {row.style[:60]!r}, and a workflow loads its generator itself; set "
                             f"DDGILoadGenerator.generator_name, or use one of {', '.join(STYLES)}.")
        found = self._cached(self.lookup.named, "generator", row.style)
        if found is not None:
            return found
        try:
            return self.folders.file("style", row.style)
        except InputError as error:
            raise InputError(f"{error} Styles that are words are {', '.join(STYLES)}.") from error

    def _lines(self, name: str) -> list[str]:
        return self._cached(self._read_lines, name)

    def _read_lines(self, name: str) -> list[str]:
        path = self.folders.file(f"__{name}__ of the prompt", f"{WILDCARDS}/{name}.txt")
        with contextlib.suppress(OSError, UnicodeDecodeError):
            lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
            if lines:
                return lines
        raise InputError(f"{path.name} has no lines that can be read as UTF-8; write one choice a line.")

    def _cached(self, function, *args):
        """The value of a call, or what it raised, as it was the first time."""
        key = (getattr(function, "__qualname__", ""), *args)
        if key not in self._once:
            try:
                self._once[key] = (function(*args), None)
            except InputError as error:
                self._once[key] = (None, error)
        value, error = self._once[key]
        if error is not None:
            raise InputError(str(error))
        return value


def _settings(text: str) -> FaceSettings:
    return face_settings(json.loads(text))
