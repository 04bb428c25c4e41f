"""`bench batch`: rows a second against the workflow row by row, batches that are killed, and workers that wait."""

import argparse
import contextlib
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from ..benchmark.batch import StubWorker, contents, demo_rows, write_rows
from ..errors import InputError
from .demo import WORKFLOWS
from .report import say

_WARM = 1                           # rows of the server that are not timed: they load the models
_STUB_SECONDS = 0.05                # of a row without a picture


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=48, help="batch: demo rows (default: 48; 1000 for the record)")
    parser.add_argument("--server-rows", type=int, default=4, metavar="N",
                        help="batch: rows through the server, one by one, to compare with (default: 4; 0: none)")
    parser.add_argument("--kills", type=int, default=0, metavar="N",
                        help="batch: kill a second run N times at random moments, and compare the bytes (default: 0)")
    parser.add_argument("--stub-rows", type=int, default=0, metavar="N",
                        help="batch: rows without pictures on --workers Ray workers of this machine (default: 0)")
    parser.add_argument("--workers", type=int, default=2, help="batch: of --stub-rows (default: 2)")


def run(args: argparse.Namespace) -> dict:
    """{"batched", "row_by_row", "killed", "cluster": {"seconds", "cpu_seconds", "ratio", ...}}, those asked for."""
    from ..runner.host import PACK_ROOT, free_threads

    threads, found = free_threads(), {}
    with tempfile.TemporaryDirectory(prefix="ddgi-bench-") as place:
        folder, rows = Path(place), demo_rows(args.rows, PACK_ROOT / "demo" / "examples")
        write_rows(folder / "rows.jsonl", rows)
        command = [sys.executable, "-m", "ddgi", "batch", str(folder / "rows.jsonl"), f"--threads={threads}", "--json"]
        found["batched"] = _batched([*command, str(folder / "whole")])
        say(args, f"batched: {found['batched']['rows_per_second']:.3f} rows a second")
        if args.server_rows:
            found["row_by_row"] = _row_by_row(rows[:args.server_rows + _WARM], folder / "server", threads)
            ratio = found["batched"]["rows_per_second"] / found["row_by_row"]["rows_per_second"]
            found["batched"]["ratio"] = ratio
            say(args, f"row by row: {found['row_by_row']['rows_per_second']:.3f} rows a second, so batched is "
                      f"{ratio:.2f} times as fast")
        if args.kills:
            found["killed"] = _killed([*command, str(folder / "parts")], folder, args.kills,
                                      found["batched"]["seconds"])
            say(args, f"killed {found['killed']['kills']} times: {found['killed']['same_bytes']} and "
                      f"{found['killed']['rows']} rows")
    if args.stub_rows:
        found["cluster"] = _cluster(args.stub_rows, args.workers)
        say(args, f"{args.stub_rows:,} rows on {args.workers} workers: {found['cluster']['idle_share']:.2%} idle")
    return {name: case | {"threads": threads} for name, case in found.items()}


def _batched(command: list[str]) -> dict:
    """Seconds of rendering, models loaded on the way; cpu_seconds of all of the process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise InputError("The batch ended with an error, see above.")
    summary = json.loads(process.stdout)
    return {"rows": summary["rows"], "seconds": summary["seconds"], "cpu_seconds": _cpu(after) - _cpu(before),
            "rows_per_second": summary["made"] / summary["seconds"]}


def _cpu(usage) -> float:
    return usage.ru_utime + usage.ru_stime


def _row_by_row(rows: list[dict], output: Path, threads: int) -> dict:
    """The same rows through the example workflows on a running server; its start and first row are not counted."""
    from ..runner.host import PACK_ROOT
    from ..runner.prompts import load_workflow, run_prompt, set_input
    from ..runner.server import Server

    seconds = []
    with Server(output, threads=threads) as server:
        for row in rows:
            kind = "mask" if "mask" in row else "scribble"
            graph = load_workflow(PACK_ROOT / "workflows" / f"{WORKFLOWS[kind]}.json")
            for name, value in (("DDGIExampleDrawing.drawing", row[kind]), ("DDGIPrompt.text", row["prompt"]),
                                ("DDGIFeatureExtract.seed", row["seed"])):
                set_input(graph, name, value)
            seconds.append(run_prompt(server, graph).seconds)
    timed = seconds[_WARM:]
    return {"rows": len(timed), "seconds": sum(timed), "rows_per_second": len(timed) / sum(timed)}


def _killed(command: list[str], folder: Path, kills: int, seconds: float) -> dict:
    """The batch again, killed at random moments while it renders, then left to end."""
    chance, done = random.Random(0), 0
    for _ in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        log = folder / "parts" / "done.jsonl"
        before = log.stat().st_size if log.is_file() else 0
        while process.poll() is None and (not log.is_file() or log.stat().st_size == before):
            time.sleep(0.05)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0, 0.8 * seconds / kills))
        if process.poll() is None:
            process.kill()
            process.wait()
            done += 1
    last = _batched(command)
    whole, parts = contents(folder / "whole"), contents(folder / "parts")
    differ = sorted({name for name, _ in whole.items() ^ parts.items()})
    same = f"other bytes in {', '.join(differ[:4])}" if differ else "the same bytes"
    rows = sum(1 for _ in (folder / "parts" / "faces").glob("*.png"))
    return {"kills": done, "same_bytes": same, "rows": rows, "seconds": last["seconds"]}


def _cluster(count: int, workers: int) -> dict:
    """Rows without pictures on workers of this machine: what the way of sharing work costs by itself."""
    from ..batch.plan import Job
    from ..batch.row import Row
    from ..batch.schedule import shared
    from ..batch.settings import FaceSettings
    from ..batch.units import make_units
    from ..runner.cluster import LOCAL, RayPool

    jobs = [Job(str(number + 1), Row(seed=number), f"row {number}", FaceSettings(), {}, {}) for number in range(count)]
    with RayPool(LOCAL, partial(StubWorker, _STUB_SECONDS), count=workers) as pool:
        start = time.monotonic()
        found = sum(len(outcomes) for _, outcomes in shared(pool)(make_units(jobs, 16)))
        facts = pool.report()
    return {"rows": found, "seconds": time.monotonic() - start, **facts}
