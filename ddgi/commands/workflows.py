"""`workflows`: export the API form and the thumbnail of every example workflow."""

import argparse
import tempfile

from .report import say

HELP = "export workflows/api/*.json and workflows/*.jpg with ComfyUI's front end in a headless Chromium"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="workflows to export (default: all)")


def run(args: argparse.Namespace) -> dict:
    from ..runner.frontend import export_workflows
    from ..runner.host import PACK_ROOT
    from ..runner.server import Server

    folder = PACK_ROOT / "workflows"
    names = args.names or sorted(path.stem for path in folder.glob("*.json"))
    with (tempfile.TemporaryDirectory() as output,
          Server(output, cpu=True, report=lambda line: say(args, line)) as server):
        results = export_workflows(server, folder, names, report=lambda line: say(args, line))
    return {"workflows": results}
