"""`workflows`: export the API form and the thumbnail of every example workflow, or show what they make."""

import argparse
import functools
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

from PIL import Image, ImageOps

from ..files import atomic_path
from .report import say

HELP = "export workflows/api/*.json by ComfyUI's front end in a headless Chromium, run them for their workflows/*.jpg"
_FOREIGN = "SD 1.5"     # in the names of workflows that need files which do not come with the pack
_PICTURES = 4           # of a result, at most
_SIDE = 512             # of the square that a card shows, in pixels


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="workflows to export (default: all)")
    parser.add_argument("--results", metavar="FOLDER",
                        help="run the workflows instead, and save pictures of the graphs with their results there")


def run(args: argparse.Namespace) -> dict:
    from ..runner.frontend import export_workflows, graph_of, photograph_results
    from ..runner.host import PACK_ROOT
    from ..runner.server import Server

    folder = PACK_ROOT / "workflows"
    names = args.names or sorted(path.stem for path in folder.glob("*.json"))
    for name in names:
        graph_of(folder, name)          # a wrong name is said before ComfyUI starts
    with (tempfile.TemporaryDirectory() as output,
          Server(output, cpu=True, report=lambda line: say(args, line)) as server):
        report = functools.partial(say, args)
        if args.results:
            return {"results": photograph_results(server, folder, names, Path(args.results), report)}
        exported = export_workflows(server, folder, names, report)
        for name in names:
            if _FOREIGN not in name and (pictures := _result(server, folder / f"{name}.json")):
                card = folder / f"{name}.jpg"
                with atomic_path(card) as temporary:
                    _thumbnail(pictures).save(temporary, format="JPEG", quality=82, optimize=True)
                report(str(card))
        return {"workflows": exported}


def _result(server, path: Path) -> list[Image.Image]:
    """What the workflow saves: its pictures, or the frames of its video; else what its results as an app show."""
    from ..runner.prompts import load_workflow, run_prompt

    result = run_prompt(server, load_workflow(path))
    films = [frame for file in result.files if file.suffix == ".mp4" for frame in _frames(file)]
    results = json.loads(path.read_text(encoding="utf-8"))["extra"]["linearData"]["outputs"]
    shown = [file for number in results for file in result.shown.get(str(number), ())]
    return _opened(result.files) or films or _opened(shown)


def _opened(files: Iterable[Path]) -> list[Image.Image]:
    return [Image.open(file).convert("RGB") for file in files if file.suffix == ".png"]


def _frames(file: Path) -> list[Image.Image]:
    import av

    with av.open(str(file)) as video:
        return [frame.to_image() for frame in video.decode(video=0)]


def _thumbnail(pictures: list[Image.Image]) -> Image.Image:
    """A square of one picture, or of four spread over all."""
    chosen = pictures if len(pictures) <= _PICTURES else pictures[::len(pictures) // _PICTURES][:_PICTURES]
    columns = 1 if len(chosen) == 1 else 2
    side = _SIDE // columns
    sheet = Image.new("RGB", (_SIDE, side * -(-len(chosen) // columns)))
    for number, picture in enumerate(chosen):
        fitted = ImageOps.fit(picture, (side, side), Image.Resampling.LANCZOS)
        sheet.paste(fitted, (number % columns * side, number // columns * side))
    return sheet
