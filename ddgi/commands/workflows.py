"""`workflows`: export the API form and the thumbnail of every example workflow, or show what they make."""

import argparse
import functools
import tempfile
from pathlib import Path

from .report import say

HELP = "export workflows/api/*.json and workflows/*.jpg with ComfyUI's front end in a headless Chromium"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="workflows to export (default: all)")
    parser.add_argument("--results", metavar="FOLDER",
                        help="run the workflows instead, and save pictures of the graphs with their results there")


def run(args: argparse.Namespace) -> dict:
    from ..runner.frontend import export_workflows, photograph_results
    from ..runner.host import PACK_ROOT
    from ..runner.server import Server

    folder = PACK_ROOT / "workflows"
    names = args.names or sorted(path.stem for path in folder.glob("*.json"))
    with (tempfile.TemporaryDirectory() as output,
          Server(output, cpu=True, report=lambda line: say(args, line)) as server):
        report = functools.partial(say, args)
        if args.results:
            return {"results": photograph_results(server, folder, names, Path(args.results), report)}
        return {"workflows": export_workflows(server, folder, names, report)}
