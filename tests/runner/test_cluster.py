"""Rows on a real Ray cluster of this machine: nothing is lost with a worker, and the bytes are those of a local run."""

import dataclasses
import json
import os
import signal
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from ddgi.batch.plan import Job
from ddgi.batch.row import Row
from ddgi.batch.schedule import shared
from ddgi.batch.settings import FaceSettings
from ddgi.batch.units import make_units
from ddgi.benchmark.batch import StubWorker, contents
from ddgi.errors import InputError
from ddgi.runner import cluster
from ddgi.runner.batch import Options, render_jobs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ray():
    return pytest.importorskip("ray", reason="Ray is not installed; pip install ray, to see these tests run")


def rows(count):
    jobs = [Job(str(number), Row(seed=number), f"row {number}", FaceSettings(), {}, {}) for number in range(count)]
    return make_units(jobs, 4)


def test_without_ray_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install"):
        cluster.RayPool("local", partial(StubWorker, 0.0))


def test_a_killed_worker_loses_nothing(ray):
    found, units = Counter(), rows(240)
    with cluster.RayPool("local", partial(StubWorker, 0.02), count=2) as pool:
        for number, (unit, _) in enumerate(shared(pool)(units)):
            found.update(job.key for job in unit.jobs)
            if number == 10:
                os.kill(next(iter(pool.processes.values())), signal.SIGKILL)
        facts = pool.report()
    assert len(found) == 240 and set(found.values()) == {1}
    assert facts["lost"] == 1 and facts["workers"] == 2


def test_workers_make_the_bytes_of_a_local_run(ray, pack, tmp_path):
    jobs = tmp_path / "rows.jsonl"
    jobs.write_text("".join(json.dumps({"prompt": "a sad man", "mask": "mask_hat", "seed": seed, "set": {"steps": 1}})
                            + "\n" for seed in range(6)) + '{"promt": "x"}\n')
    options = Options(faces=2, threads=1, cpu=True)
    render_jobs(jobs, tmp_path / "here", options)
    shared_out = dataclasses.replace(options, ray="local", workers=2)
    summary, problems = render_jobs(jobs, tmp_path / "there", shared_out)
    assert list(problems) == ["7"] and summary["workers"] == 2
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
