"""`train-demo`: train the models in `demo/` again, stage by stage."""

import argparse
from pathlib import Path

from ..errors import InputError

HELP = "train the demo models (resumable stage by stage; over an hour on two cores)"
STAGES = ("autoencoder", "decoder", "text", "diffusion", "judges", "judges_256", "generator", "styles", "generator_3d",
          "styles_3d", "bridge", "bridge_3d")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", choices=("cpu", "cuda"),
                        help="which setting of the recipe; cuda where there is one")
    parser.add_argument("--scale", type=float, default=1.0,
                        help="multiply all lengths, for example 0.05 for a rough set")
    parser.add_argument("--stages", default=",".join(STAGES), help="comma-separated, in this order: %(default)s")
    parser.add_argument("--start", metavar="FOLDER", help="go on from the finished set in this folder, such as demo, "
                        "in place of random weights; files of stages that are left out are copied")
    parser.add_argument("--work", default="output/train-demo", help="folder for checkpoints and caches")
    parser.add_argument("--out", default="output/train-demo/models", help="folder for the finished files; copy them to "
                        "demo/ when `evaluate --demo --folder OUT` shows that they are better")


def run(args: argparse.Namespace) -> dict:
    stages = tuple(args.stages.split(","))
    if unknown := [stage for stage in stages if stage not in STAGES]:
        raise InputError(f"There is no stage {unknown[0]!r}; choose from {', '.join(STAGES)}.")
    if args.scale <= 0:
        raise InputError(f"--scale is {args.scale}; give a positive number, 1 for the full recipe.")

    import torch

    from ..demo.settings import CPU, GPU
    from ..memory import keep_freed_memory
    from ..runner.host import host_commands

    keep_freed_memory()
    cuda = torch.cuda.is_available() if args.device is None else args.device == "cuda"
    if cuda and not torch.cuda.is_available():
        raise InputError("--device cuda was given but torch finds no CUDA device; use --device cpu.")
    setting = GPU if cuda else CPU
    host_commands().train_demo(args, (setting.further() if args.start else setting).scaled(args.scale), stages)
    return {"folder": args.out, "files": sorted(path.name for path in Path(args.out).glob("*.safetensors"))}
