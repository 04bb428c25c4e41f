"""`bench CASE`: timings that the documentation quotes."""

import argparse

from .report import say

HELP = "measure what things cost on this machine"
CASES = {
    "capture": "sampling of an SD 1.5-sized U-Net (random weights) with and without capture",
    "views": "views of a head with an FFHQ-sized EG3D (random weights): planes, rays, super-resolution, memory",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("case", choices=tuple(CASES), help="; ".join(f"{name}: {text}" for name, text in CASES.items()))
    parser.add_argument("--size", type=int, default=512, help="capture: picture side in pixels (default: 512)")
    parser.add_argument("--steps", type=int, default=9, help="capture: steps, 1 + a multiple of 4 (default: 9)")
    parser.add_argument("--model", choices=("ffhq", "small"), default="ffhq",
                        help="views: EG3D as large as FFHQ-512, or one for 64 px (default: ffhq)")
    parser.add_argument("--views", type=int, nargs="+", default=[1, 8], metavar="N",
                        help="views: how many of one head to time (default: 1 8; 64 takes minutes)")
    parser.add_argument("--rays", type=int, metavar="SIDE", help="views: rays per side (default: the model's own)")
    parser.add_argument("--memory", type=float, default=512, metavar="MIB", help="views: bound for rays (default: 512)")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall",
                        help="views: seconds waited, or computed by this process alone (for a busy machine)")
    parser.add_argument("--device", help="views: cpu, cuda, ... (default: cuda where there is one, else cpu)")


def run(args: argparse.Namespace) -> dict:
    return {"capture": _capture, "views": _views}[args.case](args)


def _capture(args: argparse.Namespace) -> dict:
    from ..runner.host import pack_module

    result = pack_module("nodes.bench_capture").run(size=args.size, steps=args.steps)
    for key, value in result.items():
        say(args, f"{key:<28}{value:.4f}" if isinstance(value, float) else f"{key:<28}{value}")
    return result


def _views(args: argparse.Namespace) -> dict:
    import torch

    from ..evaluation.view_costs import CONFIGS, measure, random_generator

    device = torch.device(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    generator = random_generator(CONFIGS[args.model], device)
    result = measure(generator, args.views, neural_rendering_resolution=args.rays, memory_mib=args.memory,
                     clock=args.clock, report=lambda line: say(args, line))
    columns = ("seconds", "ratio", "ceiling_share", "peak_mib", "rays_peak_mib")
    say(args, f"{'':<18}" + "".join(f"{name:>15}" for name in columns))
    for name, case in result.items():
        cells = [case.get(column) for column in columns]
        say(args, f"{name:<18}" + "".join(f"{'-':>15}" if cell is None else f"{cell:>15.3f}" for cell in cells))
    return result
