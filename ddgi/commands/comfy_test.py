"""`comfy-test`: run the registry's checker against a ComfyUI with this pack."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ..errors import InputError
from .report import say

HELP = "run comfy-test (PyPI) in attach mode; it is installed into .host/comfy-test, apart from the environment"
_NOT_PART_OF_THE_PACK = (".git", ".venv", ".host", "output", "__pycache__", ".ruff_cache", "node_modules")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--level", help="stop after this level (see comfy-test run --help)")


def run(args: argparse.Namespace) -> dict:
    from ..runner.host import PACK_ROOT, find_host
    from ..runner.server import Server

    packages = _install(PACK_ROOT / ".host" / "comfy-test", lambda line: say(args, line))
    with (tempfile.TemporaryDirectory() as folder,
          Server(Path(folder) / "output", cpu=True, report=lambda line: say(args, line)) as server):
        pack = _layout(find_host(), PACK_ROOT, Path(folder) / "ComfyUI")
        (Path(folder) / "server.log").write_text(server.log, encoding="utf-8")
        status = subprocess.run(
            [sys.executable, "-m", "comfy_test", "run", ".", "--server-url", server.url,
             *(["--level", args.level] if args.level else [])],
            cwd=pack, check=False, stdout=sys.stderr if args.json else None,
            env={**os.environ, "PYTHONPATH": str(packages), "COMFY_TEST_LOGS_DIR": folder}).returncode
    if status:
        raise InputError(f"comfy-test failed with status {status}; its own lines above say why.")
    return {"status": status}


def _install(folder: Path, report) -> Path:
    if not (folder / "comfy_test").is_dir():
        report(f"Installing comfy-test into {folder}")
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                        "--target", str(folder), "comfy-test"], check=True)
    return folder


def _layout(host: Path, pack: Path, target: Path) -> Path:
    """A ComfyUI folder made of links, with a copy of the pack in it: comfy-test resolves links to the pack."""
    (target / "custom_nodes").mkdir(parents=True)
    for entry in host.iterdir():
        if entry.name != "custom_nodes":
            (target / entry.name).symlink_to(entry)
    copy = target / "custom_nodes" / "DDGI"
    shutil.copytree(pack, copy, ignore=shutil.ignore_patterns(*_NOT_PART_OF_THE_PACK))
    return copy
