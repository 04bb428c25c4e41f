"""`evaluate`: scores by a protocol, on anybody's data and weights; `--demo`: the demo models on held-out heads."""

import argparse
from pathlib import Path

from ..config import check_number
from ..errors import InputError
from ..memory import keep_freed_memory

HELP = "score bridges, the diffusion model and any pictures against true ones by a protocol; or the demo models"
MOST = 256                                  # held-out heads there are
COUNTS = {False: 256, True: 128}            # used by default, without and with --views


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("protocol", nargs="?", help="TOML file: data, models, networks and methods, see "
                                                    "docs/evaluation.md")
    parser.add_argument("out", nargs="?", help="folder for report.json, report.md and index.html")
    parser.add_argument("--demo", action="store_true",
                        help="the demo models on heads that they never saw: mask mIoU, pixel and attribute accuracy; "
                             "the options below belong to it")
    parser.add_argument("--views", action="store_true",
                        help="score the 3D generator: heads seen from yaw -40 to 40 degrees against their true depth, "
                             "mask and attributes, and how well its views agree")
    parser.add_argument("--folder", help="where they are (default: demo/ of this pack)")
    parser.add_argument("--count", type=int, help=f"held-out heads to use, up to {MOST} (default: {COUNTS[False]}, "
                                                  f"with --views {COUNTS[True]})")
    parser.add_argument("--hint", choices=("mask", "scribble"), default="mask", help="what the ControlNet is given")
    parser.add_argument("--bridge", metavar="FILE", nargs="+", default=[],
                        help="score these bridges to the demo generator in place of the demo's (not with --views)")
    parser.add_argument("--generator", metavar="FILE",
                        help="with --views: a relative that draws in the place of the demo's 3D generator, such as a "
                             "stylised one")
    parser.add_argument("--step", nargs="+", default=["last"],
                        help="features that the bridge reads: last, first, mean, schedule or steps' numbers, each is "
                             "scored (default: last; not with --views)")
    parser.add_argument("--drawings", metavar="FOLDER",
                        help="also score drawings by hand, a folder with drawings.json: whether what is drawn is seen")
    parser.add_argument("--added", action="store_true",
                        help="also score what words add to drawings that lack it: glasses, beard, earrings, a smile")
    parser.add_argument("--styles", action="store_true",
                        help="also score the drawn styles: whether a judge reads the style that was asked for, of the "
                        "diffusion model and of stylised generators")
    parser.add_argument("--directions", nargs="?", const="", metavar="FILE.safetensors",
                        help="also score sliders made of words, beside SeFa's axes; and keep them in this file")
    parser.add_argument("--words", action="store_true",
                        help="also score where the diffusion model looks for words: how often a word's map points at "
                             "its part, beside the mean map")
    parser.add_argument("--random", type=float, nargs="+", metavar="TRUNCATION",
                        help="also count what random faces at these truncations show of each attribute, beside head "
                             "world's share")
    parser.add_argument("--projection", action="store_true",
                        help="also search held-out heads in the generator as DDGI Project Image does, and edit what is "
                             "found: distances, seconds, judges")
    parser.add_argument("--sheet", metavar="FILE.png",
                        help="also write a contact sheet of the first heads; of --drawings and their faces, "
                             "FILE_drawings.png")


def run(args: argparse.Namespace) -> dict:
    if args.demo == bool(args.protocol):
        raise InputError("Give either a protocol and a folder, python -m ddgi evaluate PROTOCOL.toml OUT/, or --demo.")
    keep_freed_memory()
    if args.protocol:
        return _by_protocol(args)
    args.count = COUNTS[args.views] if args.count is None else args.count
    if not 1 <= args.count <= MOST:
        raise InputError(f"--count is {args.count}; there are {MOST} held-out heads, give 1 to {MOST}.")
    if args.views and (args.bridge or args.step != ["last"]):
        raise InputError("--bridge and --step were given with --views, which scores the demo's 3D bridge at the last "
                         "step; leave them out.")
    if args.generator and not args.views:
        raise InputError("--generator was given without --views, which it belongs to; add --views, or leave it out.")
    for psi in args.random or ():
        check_number("--random", psi, least=0, most=10)
    args.bridge, args.step = _by_name(args.bridge), tuple(map(_step, args.step))

    from ..runner.host import host_commands

    return host_commands().evaluate(args)


def _by_protocol(args: argparse.Namespace) -> dict:
    if not args.out:
        raise InputError("There is no folder for the report; give one: python -m ddgi evaluate PROTOCOL.toml OUT/")
    of_demo = (args.views, args.drawings, args.added, args.styles, args.words, args.projection, args.bridge,
               args.generator, args.random)
    if any(of_demo) or args.directions is not None:
        raise InputError("--views, --drawings, --added, --styles, --directions, --words, --random, --projection, "
                         "--bridge and --generator belong to --demo; a protocol names its methods itself.")

    from ..runner.host import host_commands

    return host_commands().evaluate_protocol(args)


def _by_name(files: list[str]) -> dict[str, Path]:
    """Bridge files by what tells them apart: their name, or all of the path where names repeat."""
    names = [Path(file).stem for file in files]
    return {name if names.count(name) == 1 else file: Path(file) for name, file in zip(names, files)}


def _step(text: str) -> str | int:
    return int(text) if text.lstrip("-").isdigit() else text
