"""`run WORKFLOW.json`: run a workflow in the real ComfyUI."""

import argparse

from ..config import value_of
from ..errors import InputError
from .report import PromptProgress, say

HELP = "run a workflow in a ComfyUI started for it, and print the files it saved"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("workflow", help="API workflow (Workflow > Export (API)), or one of workflows/*.json")
    parser.add_argument("--set", action="append", default=[], metavar="NODE.INPUT=VALUE",
                        help="change an input; NODE is a node's number, class or title (may be repeated)")
    parser.add_argument("--output", default="output", help="folder for saved files (default: output)")
    parser.add_argument("--cpu", action="store_true", help="use the CPU even where there is a graphics card")


def run(args: argparse.Namespace) -> dict:
    from ..runner.prompts import load_workflow, run_prompt, set_input
    from ..runner.server import Server

    graph = load_workflow(args.workflow)
    for change in args.set:
        name, equals, value = change.partition("=")
        if not equals:
            raise InputError(f"--set {change!r} has no '='; write NODE.INPUT=VALUE, for example DDGIRender.seed=7.")
        set_input(graph, name, value_of(value))
    progress = PromptProgress(args.workflow)
    with Server(args.output, cpu=args.cpu or None, report=lambda line: say(args, line)) as server:
        result = run_prompt(server, graph, progress)
    progress.close()
    for path in result.files:
        say(args, str(path))
    say(args, f"{result.seconds:.1f} s")
    return {"files": [str(path) for path in result.files], "seconds": result.seconds}

