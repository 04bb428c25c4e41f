"""A batch in its folder: done is what is on the disk, and the folder ends the same however it came about."""

import hashlib
import json
import zlib

import pytest

from ddgi.batch import Store, run_batch
from ddgi.batch.progress import Progress, duration
from ddgi.batch.run import local
from ddgi.errors import InputError

ROWS = [{"prompt": f"a woman, number {number}", "seed": number} for number in range(7)]


def png(shade: int) -> bytes:
    """A grey pixel."""
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("L", (1, 1), shade).save(buffer, format="PNG")
    return buffer.getvalue()


class Stopped(BaseException):
    """As Ctrl-C."""


class Toy:
    """A worker whose pictures follow from the key; it may stop at a row, or fail at it."""

    def __init__(self, stop_at=-1, fail_at=-1):
        self.stop_at, self.fail_at, self.made = stop_at, fail_at, []

    def render(self, unit):
        found = {}
        for job in unit.jobs:
            if job.row.seed == self.stop_at:
                raise Stopped
            self.made.append(job.row.seed)
            found[job.key] = "It could not." if job.row.seed == self.fail_at else (
                [(".png", png(zlib.crc32(job.key.encode()) % 256))])
        return found


def batch(place, out, worker, rows=ROWS, faces=2):
    plan = place.plan(*rows)
    with Store(out, {"faces": faces}) as store:
        return run_batch(plan, store, local(worker), faces=faces)


def contents(out):
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in out.rglob("*") if path.is_file() and path.name not in ("done.jsonl", "in-use.lock")}


def test_a_stopped_batch_goes_on_where_it_was_and_ends_the_same(place, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    batch(place, whole, Toy())
    for stop_at, expected in ((3, [0, 1, 2]), (4, [2, 3]), (-1, [4, 5, 6])):
        worker = Toy(stop_at)
        if stop_at < 0:
            assert batch(place, parts, worker).before == 4
        else:
            with pytest.raises(Stopped):
                batch(place, parts, worker)
        assert worker.made == expected
    assert contents(parts) == contents(whole)


def test_nothing_is_done_twice(place, tmp_path):
    batch(place, tmp_path / "out", Toy())
    before = contents(tmp_path / "out")
    worker = Toy()
    summary = batch(place, tmp_path / "out", worker)
    assert worker.made == [] and summary.made == 0 and summary.before == 7
    assert contents(tmp_path / "out") == before


def test_lines_cut_short_and_lost_files_are_made_again(place, tmp_path):
    out = tmp_path / "out"
    batch(place, out, Toy())
    before, log = contents(out), out / "done.jsonl"
    first, second = (json.loads(line) for line in log.read_text().splitlines()[:2])
    next(iter((out / "faces" / name).unlink() for name in first["files"]))
    (out / "faces" / next(iter(second["files"]))).write_bytes(b"half")
    log.write_bytes(log.read_bytes()[:-20])
    (out / "faces" / f".x.png.{'0' * 4}-999999999-abc.part").write_bytes(b"")
    worker = Toy()
    batch(place, out, worker)
    assert worker.made == [0, 1, 6]
    assert {name: digest for name, digest in contents(out).items() if ".part" not in name} == before
    assert all(json.loads(line) for line in log.read_text().splitlines() if line.endswith("}"))


def test_a_row_that_fails_is_named_and_tried_again(place, tmp_path):
    out = tmp_path / "out"
    summary = batch(place, out, Toy(fail_at=2), rows=[*ROWS, {"promt": "x"}])
    assert summary.made == 6 and list(summary.problems) == ["3", "8"]
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["problems"]["3"] == "It could not." and len(manifest["rows"]) == 6
    page = (out / "index.html").read_text()
    assert "It could not." in page and "did you mean" in page and page.count("<figure") == 6
    worker = Toy()
    assert list(batch(place, out, worker, rows=[*ROWS, {"promt": "x"}]).problems) == ["8"]
    assert worker.made == [2]


def test_other_facts_are_refused_and_a_folder_has_one_writer(place, tmp_path):
    out = tmp_path / "out"
    batch(place, out, Toy())
    with pytest.raises(InputError, match="begun with faces 2 and is now to go on with 3"):
        batch(place, out, Toy(), faces=3)
    with Store(out, {"faces": 2}), pytest.raises(InputError, match="in use by"):
        batch(place, out, Toy())


def test_the_page_escapes_what_people_write(place, tmp_path):
    batch(place, tmp_path / "out", Toy(), rows=[{"prompt": "<script>alert('x')</script>"}])
    page = (tmp_path / "out" / "index.html").read_text()
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert (tmp_path / "out" / "sheet.jpg").stat().st_size > 0


def test_the_time_that_is_left_follows_the_pace():
    seconds = [0.0]
    progress = Progress(100, 20, clock=lambda: seconds[0])
    seconds[0] = 10.0
    progress.add(20)
    assert progress.line() == "40/100 rows, 2 a second, about 30 s left"
    assert [duration(value) for value in (89, 100, 7800, 300000)] == ["89 s", "2 min", "2 h 10 min", "3 d 11 h"]
