"""`evaluate --demo`: score the demo models on held-out head-world seeds."""

import argparse
from pathlib import Path

from ..errors import InputError
from .report import say

HELP = "score the demo models: mask mIoU, pixel and attribute accuracy, distance to the true picture"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--demo", action="store_true", required=True, help="the demo models (the only set so far)")
    parser.add_argument("--folder", help="where they are (default: demo/ of this pack)")
    parser.add_argument("--count", type=int, default=256, help="held-out heads to use, up to 256 (default: 256)")
    parser.add_argument("--hint", choices=("mask", "scribble"), default="mask", help="what the ControlNet is given")
    parser.add_argument("--sheet", metavar="FILE.png", help="also write a contact sheet of the first heads")


def run(args: argparse.Namespace) -> dict:
    from ..runner.host import pack_module

    if not 1 <= args.count <= 256:
        raise InputError(f"--count is {args.count}; there are 256 held-out heads, give 1 to 256.")
    evaluate = pack_module("nodes.evaluate_demo")
    sheets = pack_module("ddgi.evaluation.sheet")
    written = []

    def on_batch(truth, pictures) -> None:
        if args.sheet and not written:
            sheets.write_sheet(args.sheet, pictures)
            written.append(args.sheet)

    folder = Path(args.folder) if args.folder else evaluate.folders.DEMO
    scores = evaluate.run(range(args.count), evaluate.Sampling(hint=args.hint), folder=folder, on_batch=on_batch,
                          report=lambda line: say(args, line))
    say(args, pack_module("ddgi.evaluation").markdown_table(scores))
    return scores
