"""`bench CASE`: timings that the documentation quotes."""

import argparse
from pathlib import Path

from . import bench_all, bench_batch
from .report import say

HELP = "measure what things cost on this machine"
CASES = {
    "all": "everything below in about ten minutes, and its page: --out docs writes docs/performance.md",
    "page": "the page alone, from the numbers beside it",
    "check": "the ratios of computing time again; fails where one is worse than the numbers beside the page",
    "stylegan2": "StyleGAN2 with the channels of FFHQ (random weights) beside the formulas as the paper writes them",
    "stylegan3": "StyleGAN3 of 256 px, configs T and R (random weights), beside the formulas",
    "eg3d": "planes, rays and views of an FFHQ-sized EG3D (random weights) beside the formulas",
    "half": "StyleGAN2-1024 and EG3D-512 (random weights) in half precision beside fp32, and how far they are apart",
    "capture": "sampling of an SD 1.5-sized U-Net (random weights) with and without capture",
    "views": "views of a head with an FFHQ-sized EG3D (random weights): planes, rays, super-resolution, memory",
    "bridge": "M and T at the sizes of the demo models and of SD 1.5",
    "encode": "one pass to a face with the demo models, each time another drawing: where each millisecond goes",
    "chain": "one pass to a face beside a sampling run of 20 steps, with the demo models",
    "live": "faces that follow brush, mouse and slider in ComfyUI's front end with the demo models: how many a second",
    "batch": "rows of the demo a second, batched and row by row; killed and resumed; shared among workers",
    "boot": "what the pack adds to ComfyUI's start: the time of its imports, also --against another copy of it",
    "train": "training of a bridge between SD 1.5 with ControlNet and StyleGAN2-1024 or EG3D-512 (random weights)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("case", choices=tuple(CASES), help="; ".join(f"{name}: {text}" for name, text in CASES.items()))
    parser.add_argument("--out", metavar="FOLDER", help="all, page, check: where performance.md and its numbers are or "
                        "go (default: docs; all: output/bench)")
    parser.add_argument("--size", type=int, default=512, help="capture, train: picture side in pixels (default: 512)")
    parser.add_argument("--steps", type=int,
                        help="capture: steps, 1 + a multiple of 4 (default: 9); train: of M and of T (default: 2)")
    parser.add_argument("--generator", choices=("stylegan2", "eg3d", "demo"), default="stylegan2",
                        help="train: which one, demo with the demo's diffusion model (default: stylegan2)")
    parser.add_argument("--batch", type=int, default=1,
                        help="train: pictures in a step; stylegan2, stylegan3: pictures in a call (default: 1)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 1024], metavar="PIXELS",
                        help="stylegan2: sides of the pictures (default: 256 1024)")
    parser.add_argument("--repeats", type=int, default=5, help="stylegan2, stylegan3, eg3d, half, bridge, chain, boot: "
                        "of which the median is taken (default: 5)")
    parser.add_argument("--passes", type=int, default=50, help="encode: of which the median is taken (default: 50)")
    parser.add_argument("--against", metavar="FOLDER", help="boot: another copy of this pack, started in turn")
    parser.add_argument("--precision", choices=("fp32", "bf16", "fp16"), default="fp32",
                        help="train: of the bridge and the generator (default: fp32)")
    parser.add_argument("--model", choices=("ffhq", "small"), default="ffhq",
                        help="views, eg3d: as large as FFHQ-512, or one for 64 px (default: ffhq)")
    parser.add_argument("--views", type=int, nargs="+", default=[1, 8], metavar="N",
                        help="views: how many of one head to time (default: 1 8; 64 takes minutes)")
    parser.add_argument("--rays", type=int, metavar="SIDE", help="views: rays per side (default: the model's own)")
    parser.add_argument("--memory", type=float, default=512, metavar="MIB", help="views: bound for rays (default: 512)")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall",
                        help="views, train: seconds waited, or computed by this process alone (for a busy machine)")
    bench_batch.add_arguments(parser)
    parser.add_argument("--device", help="views: cpu, cuda, ... (default: cuda where there is one, else cpu)")


def run(args: argparse.Namespace) -> dict:
    from ..benchmark.ratios import OtherWork, warning

    if args.case == "page":
        return bench_all.run_page(args)
    others = OtherWork()
    cases = {"all": _all, "check": _check, "stylegan2": _stylegan2, "stylegan3": _stylegan3, "eg3d": _eg3d,
             "half": _half, "capture": _capture, "views": _views, "bridge": _bridge, "encode": _encode, "chain": _chain,
             "live": _live, "batch": bench_batch.run, "boot": _boot, "train": _train}
    result = cases[args.case](args)
    if line := warning(others.share()):
        say(args, line)
    return result


def _all(args: argparse.Namespace) -> dict:
    return bench_all.run_all(args, _device(args))


def _check(args: argparse.Namespace) -> dict:
    return bench_all.run_check(args, _device(args))


def _capture(args: argparse.Namespace) -> dict:
    from ..runner.host import host_commands

    result = host_commands().bench_capture(args.size, 9 if args.steps is None else args.steps)
    for key, value in result.items():
        say(args, f"{key:<28}{value:.4f}" if isinstance(value, float) else f"{key:<28}{value}")
    return result


def _boot(args: argparse.Namespace) -> dict:
    from ..benchmark.boot import boot_costs
    from ..runner.host import PACK_ROOT, find_host

    packs = [PACK_ROOT] if args.against is None else [PACK_ROOT, Path(args.against)]
    result = boot_costs(find_host(), packs, args.repeats, report=lambda line: say(args, line))
    for name, case in result.items():
        heaviest = ", ".join(f"{module} {time:.1f} ms" for module, time in case["heaviest"].items())
        ratio = f", {case['ratio']:.2f} times the first" if "ratio" in case else ""
        say(args, f"{name}: {case['seconds']:.3f} s{ratio}; {case['modules']} modules, longest {heaviest}")
    return {"boot": result}


def _stylegan2(args: argparse.Namespace) -> dict:
    from ..benchmark.renders import stylegan2_costs

    return _compared(args, stylegan2_costs(args.sizes, args.batch, device=_device(args), repeats=args.repeats,
                                           report=lambda line: say(args, line)))


def _stylegan3(args: argparse.Namespace) -> dict:
    from ..benchmark.generators import STYLEGAN3_CONFIGS
    from ..benchmark.renders import stylegan3_costs

    return _compared(args, stylegan3_costs(STYLEGAN3_CONFIGS, args.batch, device=_device(args), repeats=args.repeats,
                                           report=lambda line: say(args, line)))


def _bridge(args: argparse.Namespace) -> dict:
    from ..benchmark.bridge import bridge_configs, bridge_costs
    from ..runner.host import PACK_ROOT

    return _compared(args, bridge_costs(bridge_configs(PACK_ROOT / "demo"), device=_device(args),
                                        repeats=args.repeats, report=lambda line: say(args, line)))


def _encode(args: argparse.Namespace) -> dict:
    from ..runner.host import host_commands

    result = host_commands().bench_encode(args.passes, report=lambda line: say(args, line))
    _table(args, result, ("seconds", "cpu_seconds", "share", "peak_mib"))
    return result


def _chain(args: argparse.Namespace) -> dict:
    from ..runner.host import host_commands

    return _compared(args, host_commands().bench_chain(args.repeats, report=lambda line: say(args, line)))


def _live(args: argparse.Namespace) -> dict:
    from ..runner.host import PACK_ROOT
    from ..runner.live import live_costs

    result = live_costs(PACK_ROOT / "workflows", report=lambda line: say(args, line))
    _table(args, result, ("seconds", "per_second", "rest_ms"))
    return {"live": result}


def _eg3d(args: argparse.Namespace) -> dict:
    from ..benchmark.renders import eg3d_costs

    return _compared(args, eg3d_costs(_head_generator(args), repeats=args.repeats,
                                      report=lambda line: say(args, line)))


def _half(args: argparse.Namespace) -> dict:
    from ..benchmark.generators import GENERATORS
    from ..benchmark.renders import half_costs

    cases = half_costs(GENERATORS, device=_device(args), repeats=args.repeats, report=lambda line: say(args, line))
    _table(args, cases, ("seconds", "cpu_seconds", "ratio", "cpu_ratio", "levels", "peak_mib", "plain_peak_mib"))
    return {"cases": cases}


def _views(args: argparse.Namespace) -> dict:
    from ..benchmark.views import view_costs

    result = view_costs(_head_generator(args), args.views, neural_rendering_resolution=args.rays,
                        memory_mib=args.memory, clock=args.clock, report=lambda line: say(args, line))
    _table(args, result, ("seconds", "ratio", "ceiling_share", "peak_mib", "rays_peak_mib"))
    return result


def _head_generator(args: argparse.Namespace):
    from ..benchmark.generators import EG3D_CONFIGS
    from ..gan import EG3DGenerator

    return EG3DGenerator.untrained(EG3D_CONFIGS[args.model]).to(_device(args))


def _device(args: argparse.Namespace):
    import torch

    return torch.device(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))


def _compared(args: argparse.Namespace, cases: dict[str, dict]) -> dict:
    """The cases and the machine's ceilings."""
    from ..benchmark.ratios import ceilings

    _table(args, cases, ("seconds", "cpu_seconds", "ratio", "cpu_ratio", "ceiling_share", "peak_mib",
                         "plain_peak_mib"))
    most = ceilings(_device(args))
    say(args, "at most: " + ", ".join(f"{name.replace('_', ' ')} {value:.1f}" for name, value in most.items()))
    return {"cases": cases, "ceilings": most}


def _train(args: argparse.Namespace) -> dict:
    from ..memory import keep_freed_memory
    from ..runner.host import host_commands

    keep_freed_memory()
    result = host_commands().bench_train(
        args.generator, size=args.size, steps=2 if args.steps is None else args.steps, batch=args.batch,
        precision=args.precision, clock=args.clock, report=lambda line: say(args, line))
    _table(args, result, ("seconds", "reading", "learning", "images_per_second", "peak_mib", "default_hours"))
    return result


def _table(args: argparse.Namespace, result: dict[str, dict], columns: tuple[str, ...]) -> None:
    """A line for each case."""
    say(args, f"{'':<18}" + "".join(f"{name:>18}" for name in columns))
    for name, case in result.items():
        cells = [case.get(column) for column in columns]
        say(args, f"{name:<18}" + "".join(f"{'-':>18}" if cell is None else f"{cell:>18.4f}" for cell in cells))
