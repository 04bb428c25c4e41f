"""The command line: one module in `ddgi/commands` per command, one clear line for bad input."""

import argparse
import json
import os
import sys

from .commands import (
    batch,
    bench,
    comfy_test,
    convert,
    demo,
    evaluate,
    examples,
    gallery,
    help_pages,
    inspect,
    run,
    train,
    train_demo,
    workflows,
)
from .commands.report import Unfinished, printable
from .errors import InputError

COMMANDS = {"demo": demo, "run": run, "batch": batch, "convert": convert, "inspect": inspect, "train-demo": train_demo,
            "train": train, "evaluate": evaluate, "bench": bench, "examples": examples, "gallery": gallery,
            "workflows": workflows, "help": help_pages, "comfy-test": comfy_test}
UNFINISHED = 3      # the exit status where part of the work could not be done


def build_parser() -> argparse.ArgumentParser:
    """Each command module gives `HELP`, `add_arguments(parser)` and `run(args) -> dict | None`."""
    parser = argparse.ArgumentParser(prog="python -m ddgi", description="Faces from text, masks and scribbles.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(command)
        command.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
        command.set_defaults(run=module.run)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status is 0, 1 after bad input, 3 where part of the work could not be done, 130 after
    Ctrl-C, 141 where nobody reads its output.

    A command returns its result as a dict for --json; its lines for people go through
    `commands.report.say`, which is silent on standard output when --json is given.
    """
    args = build_parser().parse_args(arguments)
    try:
        result, status = _run(args)
        if args.json:
            print(json.dumps(result or {}, indent=2), flush=True)
    except InputError as error:
        print(printable(f"ddgi {args.command}: {error}"), file=sys.stderr)
        return 1
    except BrokenPipeError:     # `... | head` has read enough; Python would flush once more as it ends, and complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print(f"ddgi {args.command}: stopped", file=sys.stderr)
        return 130
    return status


def _run(args: argparse.Namespace) -> tuple[dict | None, int]:
    """A command's result and exit status."""
    try:
        return args.run(args), 0
    except Unfinished as unfinished:
        print(printable(f"ddgi {args.command}: {unfinished}"), file=sys.stderr)
        return unfinished.result, UNFINISHED
