"""`convert IN OUT`: any readable generator file to this pack's safetensors."""

import argparse

from .report import say

HELP = "rewrite a foreign generator file (NVIDIA .pkl, rosinality .pt) as .safetensors; nothing in it is executed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="IN", help="the file to read")
    parser.add_argument("target", metavar="OUT", help="the .safetensors file to write")
    parser.add_argument("--plane-axes", metavar="NAME", help="order of the planes of an EG3D fork, for example "
                                                             "xy_yz_zx (default: what the file says)")


def run(args: argparse.Namespace) -> dict:
    from ..checkpoints import convert

    generator = convert(args.source, args.target, plane_axes=args.plane_axes)
    say(args, f"{args.target}: {generator.name}, {generator.config.img_resolution} px, {generator.fingerprint}")
    return {"file": args.target, "name": generator.name, "resolution": generator.config.img_resolution,
            "fingerprint": generator.fingerprint}
