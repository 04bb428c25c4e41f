"""What starting ComfyUI with this pack costs: the time of its imports, by Python itself."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from ..errors import InputError

_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S.*)")
_LIMIT = 300            # seconds of a start
_NAME = "DDGI"          # of the pack's folder in custom_nodes
_HEAVIEST = 5


def boot_costs(host: Path, packs: Sequence[Path], repeats: int = 5,
               report: Callable[[str], None] = lambda line: None) -> dict[str, dict]:
    """Start the ComfyUI in `host` with each pack alone, in turn, `repeats` times.

    Returns:
        By the packs' paths: "seconds", median of the sum over all modules that came with the pack; "modules", how many;
        "heaviest", the milliseconds of those that took longest in the last start; and for all but the first pack
        "ratio", how many times longer than the first it took.

    Raises:
        InputError: less than one repeat, or a pack that ComfyUI does not load.
    """
    if repeats < 1:
        raise InputError(f"{repeats} repeats were asked for; at least 1 is needed.")
    seconds: dict[Path, list[float]] = {pack: [] for pack in packs}
    last: dict[Path, dict[str, int]] = {}
    for number in range(repeats):
        for pack in packs:
            last[pack] = _imports(host, pack)
            seconds[pack].append(sum(last[pack].values()) / 1e6)
            report(f"start {number + 1} of {repeats}, {pack}: {seconds[pack][-1]:.3f} s in {len(last[pack])} modules")
    found = {}
    for pack in packs:
        modules = sorted(last[pack].items(), key=lambda item: -item[1])
        found[str(pack)] = {"seconds": median(seconds[pack]), "modules": len(modules),
                            "heaviest": {name: time / 1000 for name, time in modules[:_HEAVIEST]}}
    first = found[str(packs[0])]["seconds"]
    for pack in packs[1:]:
        found[str(pack)]["ratio"] = found[str(pack)]["seconds"] / first
    return found


def _imports(host: Path, pack: Path) -> dict[str, int]:
    """Microseconds of each module that ComfyUI loads from the first to the last of the pack's, by name."""
    with tempfile.TemporaryDirectory(prefix="ddgi-boot-") as place:
        base = Path(place)
        for name in ("custom_nodes", "input", "user", "temp", "output"):
            (base / name).mkdir()
        link = base / "custom_nodes" / _NAME
        os.symlink(pack.resolve(), link, target_is_directory=True)
        done = subprocess.run(
            [sys.executable, "-X", "importtime", str(host / "main.py"), "--quick-test-for-ci", "--cpu",
             "--base-directory", str(base), "--database-url", "sqlite:///:memory:", "--disable-api-nodes"],
            cwd=host, capture_output=True, text=True, errors="replace", check=False, timeout=_LIMIT)
    lines = [match.groups() for match in map(_LINE.match, done.stderr.splitlines()) if match]
    own = [place for place, (_, name) in enumerate(lines) if name.startswith(str(link))]
    if done.returncode or not own:
        raise InputError(f"ComfyUI did not load the pack in {pack}; start ComfyUI with it and look at its log.")
    found: dict[str, int] = {}
    for time, name in lines[own[0]:own[-1] + 1]:
        short = name.removeprefix(f"{link}.")
        found[short] = found.get(short, 0) + int(time)
    return found
