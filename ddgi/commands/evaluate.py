"""`evaluate --demo`: score the demo models on held-out head-world seeds."""

import argparse
from pathlib import Path

from ..errors import InputError
from .report import say

HELP = "score the demo models: mask, attributes and distance to the truth on 256 held-out heads"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--demo", action="store_true", required=True, help="the demo models")
    parser.add_argument("--folder", help="another folder with the demo files, for example freshly trained ones")
    parser.add_argument("--count", type=int, default=256, help="how many held-out seeds (default %(default)s)")
    parser.add_argument("--hint", choices=("mask", "scribble"), default="mask", help="what the ControlNet sees")
    parser.add_argument("--step", choices=("last", "mean", "schedule"), default="last", help="the bridge's step choice")
    parser.add_argument("--sheet", help="also write a PNG with the first heads of every method")


def run(args: argparse.Namespace) -> dict:
    if args.count < 1:
        raise InputError(f"--count is {args.count}; give 1 or more.")

    from ..runner.host import pack_module

    evaluate = pack_module("nodes.evaluate_demo")
    table = pack_module("ddgi.evaluation.table")
    sampling = evaluate.Sampling(hint=args.hint, bridge_step=args.step)
    options = {"folder": Path(args.folder)} if args.folder else {}
    sheets = []
    scores = evaluate.run(range(args.count), sampling, report=lambda line: say(args, line),
                          on_batch=lambda truth, pictures: sheets.append(pictures), **options)
    if args.sheet:
        pack_module("ddgi.evaluation.sheet").write_sheet(args.sheet, sheets[0])
        say(args, f"sheet: {args.sheet}")
    say(args, table.markdown_table(scores))
    return scores
