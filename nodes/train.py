"""The node that trains a bridge for the loaded models."""

import copy
import dataclasses
import json
import re
from pathlib import Path

import folder_paths
import numpy as np
import torch
from comfy.model_management import get_torch_device, throw_exception_if_processing_interrupted
from comfy.utils import ProgressBar
from comfy_api.latest import io
from server import PromptServer

from ..ddgi.bridge import ATTENTION_SOURCES, REFINEMENTS, BridgeSizes
from ..ddgi.errors import InputError
from ..ddgi.files import read_metadata
from ..ddgi.gan import Generator as GeneratorNetwork
from ..ddgi.training.bridge_trainer import MAPPING, MODULATION, BridgeTrainer
from ..ddgi.training.config import CACHES, PRECISIONS, FeatureConfig, TrainConfig
from ..ddgi.training.denoising import DISTRIBUTIONS
from ..ddgi.training.folder import last_lines
from ..ddgi.training.preflight import report_lines
from ..ddgi.training.sources import GRAMMARS, DataTable
from ..ddgi.training.watch import Watch, last_preview, save_preview
from ..host import folders
from ..host.managed import ManagedModel, managed_bridge
from ..host.training.encoder import DiffusionEncoder
from ..host.training.recipe import check, prepare
from .types import TRAINING, Bridge, Generator

# What the drop-down says to the sources of `DataTable`, and the node's words to its fields.
SOURCES = {"generator's own samples": "generator", "folder of pictures": "folder",
           "CelebAMask-HQ folder": "celebamask-hq", "head world (demo)": "head-world"}
_FIELDS = {"samples": "count", "words": "grammar", "folder": "root", "prompt": "prompt"}
_NAME = re.compile(r"\w[\w .-]*(?<![ .])", re.ASCII)
_LINES = 8  # of the report, under the node while it runs


class TrainBridge(io.ComfyNode):
    """M and T for a person's own diffusion model and generator."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGITrainBridge",
            display_name="DDGI Train Bridge",
            category=TRAINING,
            description="Trains a bridge (the mapping network M and AbSMNet, T) for the connected diffusion model and "
                        "generator, which are not changed. Cancel at any time: run again with the same settings to go "
                        "on. The bridge is saved in models/ddgi/bridges.",
            search_aliases=["training", "fit", "mapping network", "AbSMNet", "style"],
            is_output_node=True,
            inputs=[*_model_inputs(), _data_input(), *_plain_inputs(), *_advanced_inputs()],
            outputs=[Bridge.Output(display_name="bridge", tooltip="What the model saw, for DDGI Face Latent."),
                     io.Image.Output(display_name="preview", tooltip="Pictures that were not trained on: above what "
                                                                     "they should become, below what they became."),
                     io.String.Output(display_name="report", tooltip="What was trained, on what, how long a step took, "
                                                                     "and the scores.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, model, clip, vae, generator: ManagedModel, name: str, data: dict | None = None, control_net=None,
                **settings) -> io.NodeOutput:
        if not _NAME.fullmatch(name):
            raise InputError(f"The name {name!r} cannot be a file name; use letters, digits, spaces, - and _.")
        folder = Path(folder_paths.get_output_directory()) / "ddgi_train" / name
        shown = _Shown(folder, cls.hidden.unique_id)
        with torch.inference_mode(False):  # ComfyUI runs nodes in the mode, which knows no gradients
            encoder = DiffusionEncoder(model, clip, vae, control_net, size=settings["size"], cfg=settings["cfg"],
                                       steps=settings["sampling_steps"], name=type(model.model.model_config).__name__)
            trainer, problems = prepare(_config(settings), _table(data), encoder, _training_copy(generator), folder,
                                        shown.watch)
            file = _file(name, trainer)
            with trainer.lock:
                report = check(trainer)
                trainer.run().save(file)
        text = "\n".join([*problems, *report_lines(report), *_scores(folder), f"saved            {file}"])
        return io.NodeOutput(managed_bridge(file), _image(folder), text)


def _model_inputs() -> list[io.Input]:
    return [
        io.Model.Input("model", tooltip="The diffusion model: SD 1.x, SD 2.x or SDXL. It is not changed."),
        io.Clip.Input("clip", tooltip="The text encoder of the diffusion model."),
        io.Vae.Input("vae", tooltip="The VAE of the diffusion model."),
        Generator.Input("generator", tooltip="The generator that the bridge is for."),
        io.ControlNet.Input("control_net", optional=True,
                            tooltip="Reads the masks or scribbles; use the one that you will make pictures with. "
                                    "Without it, only the prompt is read."),
    ]


def _data_input() -> io.Input:
    samples = io.Int.Input("samples", default=10_000, min=2, max=10_000_000, tooltip="How many different faces are "
                                                                                     "drawn.")
    folder = io.String.Input("folder", default="", tooltip="The full path of the folder, or its name in ComfyUI's "
                                                           "input folder.")
    prompt = io.String.Input("prompt", default=DataTable.prompt, tooltip="The prompt of pictures that have no caption "
                                                                         "file.")
    words = io.Combo.Input("words", options=list(GRAMMARS), default=DataTable.grammar,
                           tooltip="What the prompts speak of. faces: photographs of people. head-world: the words "
                                   "that the demo models know.")
    own, pictures, celebamask, heads = SOURCES
    return io.DynamicCombo.Input("data", options=[
        io.DynamicCombo.Option(own, [samples, words]), io.DynamicCombo.Option(pictures, [folder, prompt]),
        io.DynamicCombo.Option(celebamask, [folder, prompt]), io.DynamicCombo.Option(heads, [samples])],
        tooltip="What to learn from. The generator's own samples need no data: it draws faces, their lines are the "
                "drawings, and prompts are made up. A folder holds pictures aligned like the generator's training "
                "pictures, with .txt captions, _mask.png and _scribble.png beside them where you have them.")


def _plain_inputs() -> list[io.Input]:
    return [
        io.String.Input("name", default="my_bridge",
                        tooltip="The name of the bridge file in models/ddgi/bridges, and of the folder in "
                                "output/ddgi_train. The same name and settings go on where a training stopped."),
        io.Int.Input("steps_m", default=20_000, min=1, max=10_000_000,
                     tooltip="How many steps the mapping network M is trained, which learns the shape of the face."),
        io.Int.Input("steps_t", default=20_000, min=1, max=10_000_000,
                     tooltip="How many steps AbSMNet, T, is trained after it, which learns colours and what the words "
                             "say."),
        io.Int.Input("batch", default=8, min=1, max=1024, tooltip="Pictures in a step; fewer need less memory."),
        io.Float.Input("learning_rate", default=1e-4, min=1e-6, max=0.1, step=1e-6, round=1e-7,
                       tooltip="How far a step goes. Small bridges between small models learn at 0.001."),
        # The front end changes a seed after each run unless it is told not to, and another seed is another training.
        io.Int.Input("seed", default=0, min=0, max=2**31 - 1, control_after_generate=False,
                     tooltip="Decides everything that is drawn; another seed is another training."),
        io.Int.Input("preview_every", default=500, min=1, max=1_000_000,
                     tooltip="How many steps lie between two previews with scores on pictures that are not trained "
                             "on."),
    ]


def _advanced_inputs() -> list[io.Input]:
    features, sizes = FeatureConfig(), BridgeSizes()
    return [
        io.Int.Input("own_pictures", default=features.own_images, min=1, max=1_000_000, advanced=True,
                     tooltip="How many pictures the diffusion model finishes first, so that T learns what the words "
                             "mean to it. They are kept on disk."),
        io.Int.Input("sampling_steps", default=20, min=1, max=1000, advanced=True,
                     tooltip="How many sampling steps each of those pictures takes."),
        io.Float.Input("cfg", default=7.0, min=0.0, max=100.0, step=0.1, advanced=True,
                       tooltip="How strongly those pictures follow the prompt; use 2 for the demo model."),
        io.Int.Input("size", default=0, min=0, max=4096, step=8, advanced=True,
                     tooltip="The side of the pictures that the diffusion model sees; 0 is 512, or the demo model's "
                             "own."),
        io.Int.Input("held_out", default=TrainConfig.held_out, min=1, max=10_000, advanced=True,
                     tooltip="How many model passes on pictures that are not trained on make a score."),
        io.Combo.Input("attention_source", options=list(ATTENTION_SOURCES), default=sizes.attention_source,
                       advanced=True, tooltip="What AbSMNet reads of cross-attention: its output, or how much each "
                                              "place looks at the words."),
        io.Combo.Input("refinement", options=list(REFINEMENTS), default=sizes.refinement, advanced=True,
                       tooltip="What AbSMNet refines features by: the words at each place, all of it, or both."),
        io.Combo.Input("denoising_steps", options=list(DISTRIBUTIONS), default=features.denoising_steps,
                       advanced=True, tooltip="Which steps of a sampling run are learnt. uniform: all alike. low: more "
                                              "late ones. late: mostly the very last. high: more early ones. "
                                              "logit_normal: mostly the middle. last: only the last."),
        io.Combo.Input("precision", options=list(PRECISIONS), default=TrainConfig.precision, advanced=True,
                       tooltip="The precision of the training; bf16 and fp16 are faster on graphics cards."),
        io.Combo.Input("cache", options=list(CACHES), default=features.cache, advanced=True,
                       tooltip="Whether what the diffusion model saw is kept. disk: it runs once for each pass and "
                               "never again, which suits a slow model and much free space."),
    ]


class _Shown:
    """Shows a training at its node; a cancel stops it at the end of a step."""

    def __init__(self, folder: Path, node_id: str):
        self.folder, self.node_id, self.lines = folder, node_id, []
        self.what, self.bar, self.picture = "", None, None
        self.watch = Watch(report=self._report, progress=self._progress, preview=self._preview)

    def _report(self, line: str) -> None:
        self.lines.append(line)
        server = getattr(PromptServer, "instance", None)
        if server is not None:
            server.send_progress_text("\n".join(self.lines[-_LINES:]), self.node_id)

    def _progress(self, what: str, done: int, total: int) -> None:
        if what != self.what:
            self.what, self.bar = what, ProgressBar(total)  # a bar that went back would not be shown
        picture, self.picture = self.picture, None
        self.bar.update_absolute(done, total, picture and ("JPEG", picture, None))
        throw_exception_if_processing_interrupted()

    def _preview(self, stage: str, step: int, pictures: torch.Tensor) -> None:
        self.picture = save_preview(self.folder, stage, step, pictures)


def _config(settings: dict) -> TrainConfig:
    plain = TrainConfig(seed=settings["seed"], precision=settings["precision"], held_out=settings["held_out"],
                        evaluate_every=settings["preview_every"])
    kept = {}
    if settings["cache"] == "disk":  # no more than the longer stage reads
        most = max(settings["steps_m"], settings["steps_t"]) * settings["batch"]
        kept = {"passes": min(FeatureConfig.passes, most)}
    features = FeatureConfig(denoising_steps=settings["denoising_steps"], own_images=settings["own_pictures"],
                             cache=settings["cache"], **kept)
    stages = {name: dataclasses.replace(
        getattr(plain, name), steps=steps, batch=settings["batch"], rate=settings["learning_rate"],
        warmup=min(plain.mapping.warmup, 1 + steps // 10))
        for name, steps in ((MAPPING, settings["steps_m"]), (MODULATION, settings["steps_t"]))}
    sizes = BridgeSizes(attention_source=settings["attention_source"], refinement=settings["refinement"])
    return dataclasses.replace(plain, features=features, bridge=sizes, **stages)


def _table(data: dict | None) -> DataTable:
    """The data that the drop-down and the inputs below it ask for; ComfyUI gives None for a choice it does not know."""
    if data is None:
        raise InputError(f"The workflow asks for data that this node does not know; choose from: {', '.join(SOURCES)}.")
    fields = {_FIELDS[key]: value for key, value in data.items() if key in _FIELDS}
    if "root" in fields:
        path = fields["root"].strip().strip('"')  # Windows copies paths with quotes
        fields["root"] = path and str(Path(folder_paths.get_input_directory()) / path)
    return DataTable(source=SOURCES[data["data"]], **fields)


def _training_copy(generator: ManagedModel) -> GeneratorNetwork:
    """The generator with weights that may stand in a graph; those of the loading node are for inference."""
    return copy.deepcopy(generator.value).to(get_torch_device())


def _file(name: str, trainer: BridgeTrainer) -> Path:
    """Where the bridge goes.

    Raises:
        InputError: another training's bridge is there.
    """
    path = Path(folder_paths.get_folder_paths(folders.BRIDGES)[0]) / f"{name}.safetensors"
    if path.exists():
        mine = json.loads(json.dumps(trainer.identity()))
        record = read_metadata(path)["provenance"]
        if mine != {key: record.get(key) for key in mine}:
            raise InputError(f"{path} is the bridge of another training; choose another name, or move that file away.")
    return path


def _scores(folder: Path) -> list[str]:
    """The last held-out score of M and of T."""
    scores = []
    for label, stage in (("M", MAPPING), ("T", MODULATION)):
        found = last_lines(folder / f"{stage}.jsonl").get("held_out", {})
        scores.append(f"{label} held out".ljust(17) + "  ".join(f"{key} {value:.4f}" for key, value in found.items()))
    return scores


def _image(folder: Path) -> torch.Tensor:
    """The last preview as IMAGE [1, 2 S, n S, 3]; one black pixel where its file was removed."""
    sheet = last_preview(folder)
    pixels = np.zeros((1, 1, 3), np.uint8) if sheet is None else np.asarray(sheet)
    return torch.from_numpy(pixels.astype(np.float32) / 255)[None]


NODES = [TrainBridge]
