"""`bench CASE`: measure speed, both sides of each ratio in one run."""

import argparse

from .report import say

HELP = "measure speed: capture (sampling with capture against without)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("case", choices=("capture",), help="capture: SD 1.5-sized U-Net with random weights")
    parser.add_argument("--size", type=int, default=512, help="image side in pixels (default %(default)s)")
    parser.add_argument("--steps", type=int, default=9, help="one step to warm up plus a multiple of 4 (default %(default)s)")


def run(args: argparse.Namespace) -> dict:
    from ..runner.host import pack_module

    result = pack_module("nodes.bench_capture").run(size=args.size, steps=args.steps)
    for key, value in result.items():
        say(args, f"{key:<24}{value}")
    return result
