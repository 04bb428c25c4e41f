"""What `bench all` found, as JSON: rows of numbers by section, beside the machine they are from."""

import datetime
import json
import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from ..errors import InputError
from .ratios import OtherWork, ceilings

MARGIN = 0.2                # of a ratio: repeats on a busy machine differ by half of it
# The numbers that are kept of a row, with their names for people.
COLUMNS = {
    "seconds": "seconds", "cpu_seconds": "computing seconds", "ratio": "ratio", "cpu_ratio": "ratio of computing",
    "ceiling_share": "share of the ceiling", "share": "share of the face", "peak_mib": "peak MiB",
    "plain_peak_mib": "plain peak MiB", "kept_mib": "kept MiB", "rows_per_second": "rows a second",
    "levels": "apart, of 255 levels"}

Rows = dict[str, dict[str, float]]


def measured(sections: Mapping[str, Callable[[], Mapping[str, dict]]], device: torch.device) -> dict:
    """Run the sections in their order.

    Returns:
        {"machine": facts, "ceilings": of `ratios.ceilings`, "sections": {name: {"busy", "rows"}}}; rows hold those
        numbers of `COLUMNS` that were found.
    """
    most, found = ceilings(device), {}
    for name, section in sections.items():
        others = OtherWork()
        rows = {row: _numbers(case, COLUMNS) for row, case in section().items()}
        found[name] = {"busy": _rounded(others.share()), "rows": rows}
    return {"machine": _machine(device), "ceilings": _numbers(most, most), "sections": found}


def worse(found: Mapping[str, Rows], committed: dict, margin: float = MARGIN) -> list[str]:
    """What is slower than it was, by ratios of computing time: a phrase for each such row.

    found: rows by section. committed: a record. A row that one of the two lacks is not compared.
    """
    phrases = []
    for name, rows in found.items():
        before = committed["sections"].get(name, {}).get("rows", {})
        for row in rows:
            now, then = (part.get(row, {}).get("cpu_ratio") for part in (rows, before))
            if None not in (now, then) and now < then * (1 - margin):
                phrases.append(f"{name} {row} is {now:.2f} times as fast as what it is compared with, where "
                               f"{then:.2f} was recorded")
    return phrases


def read(path: Path) -> dict:
    """
    Raises:
        InputError: the file is missing, or no record.
    """
    if not path.is_file():
        raise InputError(f"There is no record {path}; make one on this machine: python -m ddgi bench all --out "
                         f"{path.parents[1]}")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        record["machine"], record["ceilings"], record["sections"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no record of python -m ddgi bench all; make it anew.") from error
    return record


def _numbers(case: Mapping, names) -> dict[str, float]:
    return {name: _rounded(case[name]) for name in names if case.get(name) is not None}


def _rounded(value: float | None) -> float | None:
    """Four digits: the rest is chance."""
    return None if value is None else float(f"{value:.4g}")


def _machine(device: torch.device) -> dict:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {"device": name, "cores": os.cpu_count(), "threads": torch.get_num_threads(), "system": platform.system(),
            "torch": torch.__version__, "huge_pages": os.environ.get("THP_MEM_ALLOC_ENABLE") == "1",
            "date": datetime.date.today().isoformat()}


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
