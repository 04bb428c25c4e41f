"""`bench all`, `bench page` and `bench check`: everything measured, its page, and whether ratios still hold."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from ..errors import InputError
from .report import say

OUT = "output/bench"            # of bench all, where --out does not say
TRIES = 3                       # of a section that bench check finds slower: other programs disturb a single one
CHECKED = ("stylegan2", "stylegan3", "eg3d", "chain")


def run_all(args: argparse.Namespace, device) -> dict:
    """Measure every section, and write the record and the page."""
    from ..benchmark.record import measured
    from ..files import write_text

    record = measured(_sections(args, device), device)
    folder = Path(args.out or OUT)
    write_text(_file(folder, device.type), json.dumps(record, indent=1) + "\n")
    return record | run_page(argparse.Namespace(out=folder, json=args.json))


def run_page(args: argparse.Namespace) -> dict:
    """Write the page of the records that there are."""
    from ..benchmark.page import DEVICES, page_files
    from ..benchmark.record import read
    from ..files import write_text

    folder = _folder(args)
    records = {device: read(_file(folder, device)) for device in DEVICES if _file(folder, device).is_file()}
    if not records:
        raise InputError(f"There is no record in {folder / 'performance'}; make one: python -m ddgi bench all --out "
                         f"{folder}")
    files = page_files(records)
    for name, text in files.items():
        write_text(folder / name, text)
    say(args, str(folder / "performance.md"))
    return {"written": sorted(files)}


def run_check(args: argparse.Namespace, device) -> dict:
    """Measure the ratios of computing time again; what falls short up to `TRIES` times, of which the best counts.

    Raises:
        InputError: one is worse than recorded by more than the margin.
    """
    from ..benchmark.record import MARGIN, measured, read, worse

    path = _file(_folder(args), device.type)
    committed, sections = read(path), _sections(args, device)
    best: dict[str, dict[str, dict]] = {name: {} for name in CHECKED}
    for _ in range(TRIES):
        short = {name: sections[name] for name, rows in best.items() if not rows or worse({name: rows}, committed)}
        if not short:
            break
        for name, part in measured(short, device)["sections"].items():
            for row, case in part["rows"].items():
                best[name][row] = max(best[name].get(row, case), case, key=lambda each: each.get("cpu_ratio", 0))
    if phrases := worse(best, committed):
        raise InputError(f"Slower than {path} by more than {MARGIN:.0%}: {'; '.join(phrases)}. Make it fast again, or "
                         f"record what it is now: python -m ddgi bench all --out {path.parents[1]}")
    say(args, f"No ratio is worse than in {path} by more than {MARGIN:.0%}.")
    return {"sections": best}


def _folder(args: argparse.Namespace) -> Path:
    from ..runner.host import PACK_ROOT

    return Path(args.out or PACK_ROOT / "docs")


def _file(folder: Path, device: str) -> Path:
    return folder / "performance" / f"{device}.json"


def _sections(args: argparse.Namespace, device) -> dict[str, Callable[[], dict[str, dict]]]:
    """What `bench all` measures, in this order, each in a minute or two on one thread."""
    from ..benchmark.boot import boot_costs
    from ..benchmark.bridge import bridge_configs, bridge_costs
    from ..benchmark.generators import EG3D_CONFIGS, GENERATORS, STYLEGAN3_CONFIGS
    from ..benchmark.renders import eg3d_costs, half_costs, stylegan2_costs, stylegan3_costs
    from ..benchmark.views import view_costs
    from ..gan import EG3DGenerator
    from ..runner.host import PACK_ROOT, find_host, host_commands
    from . import bench_batch

    def report(line: str) -> None:
        say(args, line)

    def at_once() -> dict[str, dict]:
        return {f"{count}_at_once": stylegan2_costs((256,), count, device=device, repeats=1, report=report)["256_px"]
                for count in (1, 2, 4)}

    def views() -> dict[str, dict]:
        small = EG3DGenerator.untrained(EG3D_CONFIGS["small"]).to(device)
        cases = view_costs(small, (1, 2, 4, 8), report=report)
        return {name: _only(case, "seconds", "cpu_seconds", "peak_mib") for name, case in cases.items()
                if "planes_computed" in case}

    def train() -> dict[str, dict]:
        cases = host_commands().bench_train("demo", steps=5, report=report)
        return {name: _only(cases[name], "seconds", "cpu_seconds", "peak_mib") for name in ("mapping", "modulation")}

    few = argparse.Namespace(rows=48, server_rows=4, kills=0, stub_rows=0, json=args.json)
    return {
        "stylegan2": lambda: stylegan2_costs(device=device, repeats=2, report=report),
        "at_once": at_once,
        "stylegan3": lambda: stylegan3_costs(STYLEGAN3_CONFIGS, device=device, repeats=1, report=report),
        "eg3d": lambda: eg3d_costs(EG3DGenerator.untrained(EG3D_CONFIGS["ffhq"]).to(device), repeats=1, report=report),
        "views": views,
        "half": lambda: half_costs(GENERATORS, device=device, repeats=2, report=report),
        "bridge": lambda: bridge_costs(bridge_configs(PACK_ROOT / "demo"), device=device, report=report),
        "encode": lambda: host_commands().bench_encode(50, report),
        "chain": lambda: host_commands().bench_chain(5, report),
        "capture": lambda: _steps(host_commands().bench_capture(512, 5)),
        "kept": lambda: host_commands().bench_kept(report),
        "train": train,
        "batch": lambda: bench_batch.run(few),
        "boot": lambda: {"imports": boot_costs(find_host(), [PACK_ROOT], 3, report)[str(PACK_ROOT)]},
    }


def _only(case: dict, *names: str) -> dict:
    return {name: case[name] for name in names}


def _steps(capture: dict) -> dict[str, dict]:
    """Rows of what `bench capture` says: a step that is not kept, and one that is."""
    from statistics import median

    plain, kept = ({number: median(values) for number in ("seconds", "cpu_seconds", "peak_mib")
                    if None not in (values := capture[f"{kind}_step_{number}"])} for kind in ("plain", "captured"))
    kept |= {"ratio": plain["seconds"] / kept["seconds"], "cpu_ratio": plain["cpu_seconds"] / kept["cpu_seconds"],
             "kept_mib": capture["kept_mib_per_step"]}
    return {"plain_step": plain, "kept_step": kept}
