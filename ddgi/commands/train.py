"""`train RECIPE.toml`: train a bridge for your own diffusion model and generator."""

import argparse
import signal
from pathlib import Path

from ..errors import InputError
from .report import say

HELP = "train a bridge as a recipe says; stopped or killed, the same command goes on where it was"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="TOML file, see docs/training.md")
    parser.add_argument("--folder", help="for checkpoints, curves and previews (default: output/train/RECIPE's name)")
    parser.add_argument("--out", help="the finished bridge (default: bridge.safetensors in that folder)")
    parser.add_argument("--check", action="store_true", help="only report what the training will take")
    parser.add_argument("--cpu", action="store_true", help="use the CPU even where there is a graphics card")


def run(args: argparse.Namespace) -> dict:
    recipe = Path(args.recipe)
    if not recipe.is_file():
        raise InputError(f"There is no recipe {recipe}; check the name, or start from the example in docs/training.md.")
    folder = Path(args.folder or Path("output") / "train" / recipe.stem)

    from ..memory import keep_freed_memory
    from ..runner.host import host_commands
    from ..training.processes import find_processes

    keep_freed_memory()
    processes = find_processes(cpu=args.cpu)  # before the host, which takes the current device
    args.json = args.json and processes.main
    host = host_commands(cpu=processes.device.type == "cpu" if processes.device else args.cpu or None)
    with _StopAtAStep() as stop:
        result = host.train(args, folder, processes, stop.check)
    if "file" in result and processes.main:
        say(args, result["file"])
    processes.close()
    return result


class _StopAtAStep:
    """Ctrl-C waits for the end of the step, so that a checkpoint is written; a second one does not wait."""

    def __init__(self):
        self.asked = False

    def __enter__(self):
        self.before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *error):
        signal.signal(signal.SIGINT, self.before)

    def _ask(self, number, frame):
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def check(self) -> None:
        if self.asked:
            raise KeyboardInterrupt
