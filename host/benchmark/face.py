"""From a drawing to a face with the demo models: where each millisecond goes, and one pass beside a sampling run."""

import base64
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import comfy.controlnet
import comfy.model_base
import comfy.model_management
import torch

from ...ddgi.benchmark.ratios import REPEATS, compare, measure
from ...ddgi.bridge import Bridge
from ...ddgi.demo import files
from ...ddgi.painting import PREFIX
from ...ddgi.stopwatch import Stopwatch
from .. import folders
from ..chain import Chain
from ..diffusion import open_diffusion
from ..live import painting, sessions
from ..live.painting import LiveFace, PaintRequest
from ..managed import ManagedModel, managed_bridge, managed_generator

WORDS = "a happy woman with red hair"
STEPS, CFG = 20, 2.0                # of a whole sampling run, as in the example workflows
PASSES = 50


class DemoFaces:
    """The demo's 2D or 3D models under a painter, and requests whose drawing and seed change every time."""

    def __init__(self, folder: Path, is_3d: bool = False):
        self.diffusion = open_diffusion(demo=folder)
        self.bridge = managed_bridge(folder / (files.BRIDGE_3D if is_3d else files.BRIDGE))
        self.generator: ManagedModel = managed_generator(folder / (files.EG3D if is_3d else files.GENERATOR))
        parts = self.diffusion
        self.face = LiveFace(parts.model, parts.clip, parts.control_net, self.bridge, self.generator)
        self._requests = _requests()

    def one_pass(self) -> bytes:
        """A JPEG from a single U-Net pass."""
        return sessions.jpeg(self.face.picture(next(self._requests)))

    def sampled(self) -> torch.Tensor:
        """A picture after a whole sampling run."""
        return self.face.finished(next(self._requests), STEPS, CFG)[1]


def _requests() -> Iterator[PaintRequest]:
    drawings = [PREFIX + base64.b64encode(path.read_bytes()).decode()
                for path in sorted(folders.EXAMPLES.glob("mask_*.png"))]
    for seed, drawing in enumerate(itertools.cycle(drawings)):
        yield PaintRequest(drawing=drawing, prompt=WORDS, seed=seed)


def encode_costs(folder: Path, repeats: int = PASSES, report: Callable[[str], None] = lambda line: None) -> dict:
    """One pass to a face, each time with another drawing.

    Returns:
        {"face": the dict of `measure`, and "hint", "control_net", "unet", "bridge", "render", "jpeg" and "rest", the
        host's own work: {"seconds", "cpu_seconds", "share"}, medians and what part of the face's they are; "text": the
        same of new words, which a face with known ones need not read}.
    """
    report(f"one pass to a face, {repeats} times")
    faces, device = DemoFaces(folder), comfy.model_management.get_torch_device()
    parts = {"hint": (painting, "read_painting"), "control_net": (comfy.controlnet.ControlNet, "get_control"),
             "unet": (comfy.model_base.BaseModel, "apply_model"), "bridge": (Bridge, "forward"),
             "render": (type(faces.generator.value), "render"), "jpeg": (sessions, "jpeg")}
    with Stopwatch(device).watching(parts) as waited, Stopwatch(device, "cpu").watching(parts) as computed:
        face = measure(faces.one_pass, device, repeats=repeats)
    chain, numbers = Chain(faces.diffusion), itertools.count()
    cases = {name: {"seconds": median(waited[name][-repeats:]), "cpu_seconds": median(computed[name][-repeats:])}
             for name in parts}
    cases["rest"] = {clock: face[clock] - sum(case[clock] for case in cases.values())
                     for clock in ("seconds", "cpu_seconds")}
    text = measure(lambda: chain.tokens(f"{WORDS} {next(numbers)}"), device, repeats=repeats)
    cases["text"] = {clock: text[clock] for clock in ("seconds", "cpu_seconds")}
    return {"face": face} | {name: case | {"share": case["seconds"] / face["seconds"]} for name, case in cases.items()}


def chain_costs(folder: Path, repeats: int = REPEATS, report: Callable[[str], None] = lambda line: None) -> dict:
    """{"face", "head": the dict of `compare`}: one pass, its picture and JPEG, in turn with a whole sampling run."""
    device, cases = comfy.model_management.get_torch_device(), {}
    for name, is_3d in (("face", False), ("head", True)):
        report(f"{name}: one pass in turn with {STEPS} steps, {repeats} times")
        faces = DemoFaces(folder, is_3d)
        cases[name] = compare(faces.one_pass, faces.sampled, device, repeats=repeats)
    return cases
