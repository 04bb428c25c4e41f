"""Batches through the real host: the same bytes however rows are grouped, killed and resumed."""

import importlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from ddgi.batch import Unit, plan_jobs, read_jobs
from ddgi.batch.folders import Folders
from ddgi.batch.units import make_units
from ddgi.runner.batch import Options, render_jobs

ROOT = Path(__file__).resolve().parents[2]
FEW = {"steps": 1}
ROWS = [{"prompt": f"a {mood} {person} with {hair} hair", "seed": seed, "mask": mask, "set": FEW}
        for seed, (mood, person, hair, mask) in enumerate([
            ("smiling", "woman", "red", "mask_bun"), ("sad", "man", "black", "mask_bald"),
            ("calm", "woman", "grey", "mask_curly"), ("happy", "man", "brown", "mask_hat"),
            ("surprised", "woman", "blond", "mask_bun")])]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def commands(pack):
    return importlib.import_module(f"{pack.__name__}.host.commands")


@pytest.fixture(scope="module")
def faces(commands):
    return commands.batch_faces(3, verify=True)


@pytest.fixture
def planned(commands, tmp_path):
    """From rows to their plan."""
    def plan(*rows, name="rows.jsonl"):
        path = tmp_path / name
        path.write_text("\n".join(json.dumps(row) for row in rows))
        lookup = commands.batch_lookup()
        return plan_jobs(read_jobs(path), Folders(path, examples=lookup.examples), lookup)
    return plan


def rendered(faces, jobs, count=3):
    return {key: outcome for unit in make_units(jobs, count) for key, outcome in faces.render(unit).items()}


def test_a_row_is_the_same_whoever_shares_its_call(faces, planned):
    jobs = planned(*ROWS).jobs
    together = rendered(faces, jobs)
    assert all(not isinstance(outcome, str) for outcome in together.values())
    turned = faces.render(Unit(0, (jobs[4], jobs[0], jobs[2])))
    alone = faces.render(Unit(0, (jobs[2],)))
    assert turned == {job.key: together[job.key] for job in (jobs[4], jobs[0], jobs[2])}
    assert alone == {jobs[2].key: together[jobs[2].key]}
    assert len({made[0][1] for made in together.values()}) == 5


def test_styles_cameras_and_edits_of_one_face_share_its_sample(faces, planned, tmp_path, pack, monkeypatch):
    from ddgi.latents import Direction, save_directions

    demo = pack.host.folders.DEMO
    generator = pack.ddgi.load_generator(demo / "generator_stylegan2.safetensors")
    offset = torch.randn(generator.config.w_dim, generator=torch.Generator().manual_seed(0))
    save_directions(tmp_path / "wild.safetensors", [Direction("wild", offset, generator.lineage)])
    generator.save(tmp_path / "copy.safetensors")
    row = {**ROWS[0], "set": FEW}
    rows = [row, {**row, "style": "copy.safetensors"}, {**row, "edits": {"wild.safetensors": 2}},
            {**row, "edits": {"wild.safetensors": 0}}]
    jobs = planned(*rows).jobs
    chains, counts = importlib.import_module(f"{pack.__name__}.host.chain"), []
    before = chains.Chain.latents
    monkeypatch.setattr(chains.Chain, "latents", lambda *args: counts.append(1) or before(*args))
    outcomes = rendered(faces, jobs)
    made = [pixels(outcomes[job.key][0][1]) for job in jobs]
    assert len(counts) == 1
    assert (made[0] == made[1]).all() and (made[0] == made[3]).all()
    assert (made[0] - made[2]).abs().float().mean() > 1


def test_a_head_has_a_picture_for_each_camera(faces, planned):
    row = {"prompt": "a woman with red hair", "set": FEW, "camera": [[25, 0], [-25, 0]]}
    job, = planned(row).jobs
    made = rendered(faces, [job])[job.key]
    assert [ending for ending, _ in made] == ["_1.png", "_2.png"]
    assert (pixels(made[0][1]) - pixels(made[1][1])).abs().float().mean() > 1


def test_a_row_that_fails_costs_no_other(faces, planned, tmp_path):
    drawing = tmp_path / "mask.png"
    drawing.write_bytes((ROOT / "demo" / "examples" / "mask_bun.png").read_bytes())
    jobs = planned(ROWS[0], {**ROWS[1], "mask": "mask.png"}, {**ROWS[2], "style": "mask.png"}).jobs
    drawing.write_bytes((ROOT / "demo" / "examples" / "mask_hat.png").read_bytes())
    outcomes = faces.render(Unit(0, jobs))
    assert not isinstance(outcomes[jobs[0].key], str)
    assert "was changed while the batch ran" in outcomes[jobs[1].key]
    assert isinstance(outcomes[jobs[2].key], str)


def test_killed_in_the_middle_and_resumed_it_ends_with_the_same_bytes(pack, tmp_path):
    jobs = tmp_path / "rows.jsonl"
    jobs.write_text("\n".join(json.dumps(row) for row in ROWS))
    options = Options(faces=2, threads=1, cpu=True)
    render_jobs(jobs, tmp_path / "whole", options)
    process = subprocess.Popen([sys.executable, "-m", "ddgi", "batch", str(jobs), str(tmp_path / "parts"),
                                "--faces=2", "--threads=1", "--cpu"], cwd=ROOT, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    log, end = tmp_path / "parts" / "done.jsonl", time.monotonic() + 500
    while not (log.is_file() and log.read_bytes()) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = log.read_bytes().count(b"\n")
    assert 0 < done < len(ROWS)
    summary, problems = render_jobs(jobs, tmp_path / "parts", options)
    assert (summary["before"], summary["made"], problems) == (done, len(ROWS) - done, {})
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and path.name not in ("done.jsonl", "in-use.lock")}


def pixels(data: bytes) -> torch.Tensor:
    with Image.open(io.BytesIO(data)) as picture:
        return torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).int()
