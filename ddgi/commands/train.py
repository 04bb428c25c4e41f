"""`train RECIPE.toml`: train a bridge for your own diffusion model and generator."""

import argparse
import signal
from pathlib import Path

from ..errors import InputError
from .report import PromptProgress, say

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
    out = Path(args.out or folder / "bridge.safetensors")

    from ..runner.host import import_host, pack_module

    import_host(cpu=True if args.cpu else None)
    watch, bar = pack_module("ddgi.training.watch"), PromptProgress("train")
    stop = _StopAtAStep()

    def progress(what: str, done: int, total: int) -> None:
        bar(what, done, total)
        stop.check()

    def report(line: str) -> None:
        bar.close()
        say(args, line)

    seen = watch.Watch(report=report, progress=progress, preview=_save_preview(folder))
    with stop:
        result = pack_module("nodes.train_recipe").run(recipe, folder, out, seen, check_only=args.check)
    bar.close()
    if "file" in result:
        say(args, result["file"])
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


def _save_preview(folder: Path):
    """A function that writes each preview as a PNG in `folder`: targets above, results below."""
    def save(stage: str, step: int, pictures) -> None:
        from PIL import Image

        rows = ((pictures.clamp(-1, 1) + 1) * 127.5).round().byte()          # [2, n, 3, S, S]
        sheet = rows.permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2)      # [2 S, n S, 3]
        (folder / "previews").mkdir(parents=True, exist_ok=True)
        Image.fromarray(sheet.numpy()).save(folder / "previews" / f"{stage}-{step:07}.png")
    return save
