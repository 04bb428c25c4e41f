"""`inspect FILE`: what a generator, bridge or latent file is."""

import argparse

from .report import say

HELP = "say what a generator, bridge or latent file is; nothing in it is executed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help=".safetensors of this pack, NVIDIA .pkl or rosinality .pt")


def run(args: argparse.Namespace) -> dict:
    from ..checkpoints import inspect_file

    facts = inspect_file(args.file)
    for key, value in facts.items():
        say(args, f"{key:<16}{value}")
    return facts
