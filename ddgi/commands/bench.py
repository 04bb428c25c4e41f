"""`bench CASE`: timings that the documentation quotes."""

import argparse

from .report import say

HELP = "measure what things cost on this machine"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("case", choices=("capture",), help="capture: sampling of an SD 1.5-sized U-Net (random "
                                                           "weights) with and without capture")
    parser.add_argument("--size", type=int, default=512, help="picture side in pixels (default: 512)")
    parser.add_argument("--steps", type=int, default=9, help="sampling steps, 1 + a multiple of 4 (default: 9)")


def run(args: argparse.Namespace) -> dict:
    from ..runner.host import pack_module

    result = pack_module("nodes.bench_capture").run(size=args.size, steps=args.steps)
    for key, value in result.items():
        say(args, f"{key:<28}{value:.4f}" if isinstance(value, float) else f"{key:<28}{value}")
    return result
