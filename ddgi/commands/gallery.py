"""`gallery`: the pictures of README and docs, made by the demo models."""

import argparse

HELP = "draw the pictures of README and docs with the demo models (about a minute on two cores)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", help="where the models are (default: demo/ of this pack)")
    parser.add_argument("--output", default="docs/pictures", help="folder for the pictures (default: %(default)s)")


def run(args: argparse.Namespace) -> dict:
    from ..runner.host import host_commands

    return host_commands().gallery(args)
