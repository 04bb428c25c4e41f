"""A folder of rows, and a host that needs no ComfyUI."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ddgi.batch import plan_jobs, read_jobs
from ddgi.batch.folders import Folders
from ddgi.errors import InputError
from ddgi.palette import PALETTE


class ToyHost:
    """Knows one sampler, one generator and one direction; its models are small text files."""

    def __init__(self, folder: Path):
        self.examples = folder / "examples"
        self.models = folder / "models"
        self.models.mkdir()
        for name in ("diffusion", "generator", "generator_3d", "stylised", "glasses"):
            (self.models / name).write_text(name)

    def check(self, settings):
        if settings.sampler != "euler":
            raise InputError(f"sampler is {settings.sampler!r}; choose from euler.")

    def named(self, kind, name):
        return self.models / name if kind == "generator" and name == "stylised" else None

    def demo(self, is_3d):
        return {"checkpoint": self.models / "diffusion",
                "generator": self.models / ("generator_3d" if is_3d else "generator")}

    def demo_style(self, style):
        return self.models / "stylised" if style == "pencil" else None

    def direction(self, name):
        return (self.models / "glasses", None) if name == "glasses" else None

    def workflow(self, path):
        json.loads(path.read_text())
        return path

    def check_workflow(self, job):
        pass


@pytest.fixture
def place(tmp_path):
    """A folder with rows' files: `rows` writes a file of rows, `plan` reads it."""
    return Place(tmp_path)


class Place:
    def __init__(self, folder: Path):
        self.outside, self.folder = folder, folder / "job"
        self.folder.mkdir()
        (folder / "examples").mkdir()
        self.host = ToyHost(folder)
        mask = np.zeros((16, 16), np.uint8)
        mask[4:12, 4:12] = 1
        for path in (self.folder / "mask.png", folder / "examples" / "bun.png", folder / "secret.png"):
            Image.fromarray(PALETTE[mask]).save(path)
        Image.fromarray(np.where(mask == 1, 0, 255).astype(np.uint8)).save(self.folder / "lines.png")
        (self.folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
        (self.folder / "graph.json").write_text('{"1": {"class_type": "X", "inputs": {}}}')

    def rows(self, *rows, name="rows.jsonl") -> Path:
        path = self.folder / name
        path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
        return path

    def plan(self, *rows, allowed=(), defaults=None, name="rows.jsonl"):
        path = self.rows(*rows, name=name)
        return plan_jobs(read_jobs(path), Folders(path, allowed, self.host.examples), self.host, defaults)
