"""`train-demo`: train the models in `demo/` again, stage by stage."""

import argparse

HELP = "train the demo models (resumable; takes hours on a CPU)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("options", nargs=argparse.REMAINDER, help="options of the recipe; --help shows them")


def run(args: argparse.Namespace) -> dict | None:
    from ..runner.host import pack_module

    return pack_module("ddgi.training.demo").main(args.options)
