"""`batch JOBS OUT`: many faces from a file of rows; stopped or killed, the same command goes on where it was."""

import argparse
import sys
import time
from pathlib import Path

from ..config import value_of
from ..errors import InputError
from .report import Unfinished, say

HELP = "render every row of a .jsonl or .csv file; what is done is skipped, bad rows are reported"
FACES = 16                          # in a sampler call: beyond, a CPU gains nothing more
_EVERY = 20.0                       # seconds between lines where there is no terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("jobs", help="file of rows, see docs/batch.md")
    parser.add_argument("out", help="folder for faces, manifest.json, sheet.jpg and index.html")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="a value of `set` for every row that has none of that name (may be repeated)")
    parser.add_argument("--allow", action="append", default=[], metavar="FOLDER",
                        help="let rows name files in this folder too (may be repeated)")
    parser.add_argument("--check", action="store_true", help="only check the rows")
    parser.add_argument("--faces", type=int, help=f"faces in a sampler call; it decides their last bits, so a folder "
                                                  f"keeps the number it was begun with (default: {FACES})")
    parser.add_argument("--threads", type=int, help="of the CPU in each worker; a folder keeps its number (default: "
                                                    "all, or 1 on a busy machine)")
    parser.add_argument("--cpu", action="store_true", help="use the CPU even where there is a graphics card")
    parser.add_argument("--ray", metavar="ADDRESS", help="work on this Ray cluster; local: on this machine")
    parser.add_argument("--workers", type=int, help="with --ray: how many (default: one for each graphics card, else "
                                                    "for each --threads cores)")


def run(args: argparse.Namespace) -> dict:
    from ..batch.store import begun
    from ..runner.batch import Options, render_jobs
    from ..runner.host import free_threads

    kept = begun(args.out)
    options = Options(
        faces=args.faces or kept.get("faces", FACES), threads=args.threads or kept.get("threads", free_threads()),
        cpu=args.cpu or None, ray=args.ray, workers=args.workers, allowed=tuple(args.allow), check=args.check,
        defaults=_settings(args.set))
    summary, problems = render_jobs(Path(args.jobs), Path(args.out), options, report=lambda line: say(args, line),
                                    on_progress=_Lines(args))
    for label, problem in problems.items():
        say(args, f"row {label}: {problem}")
    say(args, summary["sentence"])
    if not args.check:
        say(args, str(Path(args.out) / "index.html"))
    if problems:
        raise Unfinished(f"{len(problems):,} of {summary['rows']:,} rows have no picture; they are named above and in "
                         f"{Path(args.out) / 'manifest.json' if not args.check else args.jobs}.", summary)
    return summary


def _settings(changes: list[str]) -> dict:
    found = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or not name:
            raise InputError(f"--set {change!r} has no '='; write NAME=VALUE, for example steps=30.")
        found[name] = value_of(value)
    return found


class _Lines:
    """A line of progress: over itself on a terminal, else now and then."""

    def __init__(self, args: argparse.Namespace):
        self.args, self.said = args, time.monotonic()

    def __call__(self, progress) -> None:
        if sys.stderr.isatty():
            end = "\n" if progress.done >= progress.total else ""
            print(f"\r\x1b[K{progress.line()}", end=end, file=sys.stderr, flush=True)
        elif time.monotonic() - self.said >= _EVERY:
            self.said = time.monotonic()
            say(self.args, progress.line())
