"""`demo`: text and a drawn mask to faces, in the real ComfyUI, with the models in `demo/`."""

import argparse
import json

from ..errors import InputError
from .report import PromptProgress, say

HELP = "render faces from text and drawings with the demo models in a real ComfyUI"
WORKFLOWS = {"mask": "face_from_text_and_mask", "scribble": "face_from_text_and_scribble"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", default="output/demo", help="folder for the pictures (default: output/demo)")
    parser.add_argument("--prompt", help="your own description, used with every example drawing")
    parser.add_argument("--seed", type=int, default=0, help="sampling seed (default: 0)")
    parser.add_argument("--cpu", action="store_true", help="use the CPU even where there is a graphics card")


def run(args: argparse.Namespace) -> dict:
    from ..runner.prompts import load_workflow, run_prompt, set_input
    from ..runner.server import Server

    examples, folder = _examples()
    size = _picture_size(folder)
    results = []
    with Server(args.output, cpu=args.cpu or None, report=lambda line: say(args, line)) as server:
        for number, example in enumerate(examples, 1):
            graph = load_workflow(folder / "workflows" / f"{WORKFLOWS[example['kind']]}.json")
            prompt = args.prompt or example["prompt"]
            set_input(graph, "DDGIExampleDrawing.drawing", example["drawing"])
            set_input(graph, "DDGIPrompt.text", prompt)
            set_input(graph, "DDGIFeatureExtract.seed", args.seed)
            set_input(graph, "EmptyLatentImage.width", size)
            set_input(graph, "EmptyLatentImage.height", size)
            set_input(graph, "SaveImage.filename_prefix", f"{number:02}_{example['drawing'].removesuffix('.png')}")
            progress = PromptProgress(f"[{number}/{len(examples)}]")
            result = run_prompt(server, graph, progress)
            progress.close()
            say(args, f'[{number}/{len(examples)}] {result.seconds:5.1f} s  "{prompt}" + {example["drawing"]}')
            for path in result.files:
                say(args, f"    {path}")
            results.append({"prompt": prompt, "drawing": example["drawing"], "seconds": result.seconds,
                            "files": [str(path) for path in result.files]})
    return {"pictures": results}


def _examples():
    """The list in demo/examples/examples.json and the pack's folder."""
    from ..runner.host import PACK_ROOT

    listing = PACK_ROOT / "demo" / "examples" / "examples.json"
    if not listing.is_file():
        raise InputError(f"{listing} is missing; this copy of the pack came without its demo, get a complete one.")
    return json.loads(listing.read_text(encoding="utf-8")), PACK_ROOT


def _picture_size(folder) -> int:
    """Side of the pictures the demo diffusion model was trained on, as its file says."""
    from ..files import read_metadata

    return int(read_metadata(folder / "demo" / "diffusion.safetensors")["config"]["image_size"])
