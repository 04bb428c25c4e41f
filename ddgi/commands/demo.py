"""`demo`: text and a drawn mask to faces, a video and a 3D model, in the real ComfyUI, with the models in `demo/`."""

import argparse
import json

from ..demo import files
from ..errors import InputError
from .report import PromptProgress, say

HELP = "render faces, an orbit and a 3D model from text and drawings with the demo models in a real ComfyUI"
WORKFLOWS = {"mask": "01 Face from words and mask (DDGI)", "scribble": "02 Face from words and scribble (DDGI)"}
# Of the first mask example: what is made, its workflow, and the input that names its file.
HEADS = (("orbit", "03 Head as an orbit video (DDGI)", "SaveVideo.filename_prefix"),
         ("head", "04 Head as a 3D model (DDGI)", "SaveGLB.filename_prefix"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", default="output/demo", help="folder for the files (default: output/demo)")
    parser.add_argument("--prompt", help="your own description, used with every example drawing")
    parser.add_argument("--seed", type=int, default=0, help="sampling seed (default: 0)")
    parser.add_argument("--cpu", action="store_true", help="use the CPU even where there is a graphics card")


def run(args: argparse.Namespace) -> dict:
    from ..runner.server import Server

    examples, folder = _examples()
    jobs, missing = _jobs(examples), _missing_3d(folder)
    if missing:
        say(args, missing)
        jobs = [job for job in jobs if job[0] == "pictures"]
    results = {"pictures": [], "heads": []}
    size = _picture_size(folder)
    with Server(args.output, cpu=args.cpu or None, report=lambda line: say(args, line)) as server:
        for number, (kind, example, workflow, name, prefix) in enumerate(jobs, 1):
            prompt = args.prompt or example["prompt"]
            graph = _graph(folder / "workflows" / f"{workflow}.json", {
                "DDGIExampleDrawing.drawing": example["drawing"], "DDGIPrompt.text": prompt,
                "DDGIFeatureExtract.seed": args.seed, "EmptyLatentImage.width": size, "EmptyLatentImage.height": size,
                name: f"{number:02}_{prefix}"})
            result = _run(args, server, graph, f"[{number}/{len(jobs)}]", f'"{prompt}" + {example["drawing"]}')
            results[kind].append({"prompt": prompt, "drawing": example["drawing"], "workflow": workflow, **result})
    return results


def _jobs(examples: list[dict]) -> list[tuple]:
    """(key of the result, example, workflow, input that names the file, its name) of everything to make."""
    def stem(example: dict) -> str:
        return example["drawing"].removesuffix(".png")

    pictures = [("pictures", example, WORKFLOWS[example["kind"]], "SaveImage.filename_prefix", stem(example))
                for example in examples]
    masks = [example for example in examples if example["kind"] == "mask"][:1]
    return pictures + [("heads", example, workflow, name, f"{what}_{stem(example)}")
                       for example in masks for what, workflow, name in HEADS]


def _graph(path, inputs: dict) -> dict:
    """The workflow with these inputs, without 3D viewers: they would save a second copy of what they show."""
    from ..runner.prompts import load_workflow, set_input

    graph = {key: node for key, node in load_workflow(path).items() if node["class_type"] != "Preview3D"}
    for name, value in inputs.items():
        set_input(graph, name, value)
    return graph


def _run(args: argparse.Namespace, server, graph: dict, label: str, title: str) -> dict:
    """Run one graph; its seconds and files, said and returned."""
    from ..runner.prompts import run_prompt

    progress = PromptProgress(label)
    result = run_prompt(server, graph, progress)
    progress.close()
    say(args, f"{label} {result.seconds:5.1f} s  {title}")
    for path in result.files:
        say(args, f"    {path}")
    return {"seconds": result.seconds, "files": [str(path) for path in result.files]}


def _examples():
    """The list in demo/examples/examples.json and the pack's folder."""
    from ..runner.host import PACK_ROOT

    listing = PACK_ROOT / "demo" / "examples" / "examples.json"
    if not listing.is_file():
        raise InputError(f"{listing} is missing; this copy of the pack came without its demo, get a complete one.")
    return json.loads(listing.read_text(encoding="utf-8")), PACK_ROOT


def _missing_3d(folder) -> str:
    """One sentence where the models of the 3D head are not there, else nothing."""
    names = [name for name in (files.EG3D, files.BRIDGE_3D) if not (folder / "demo" / name).is_file()]
    return (f"No orbit and no 3D model will be made: {folder / 'demo'} has no {' and no '.join(names)}; get a complete "
            f"copy of the pack, or run `make train-demo`.") if names else ""


def _picture_size(folder) -> int:
    """Side of the pictures the demo diffusion model was trained on, as its file says."""
    from ..native import read_metadata

    return int(read_metadata(folder / "demo" / files.DIFFUSION)["config"]["image_size"])
