"""A training that a node asks for: shown at the node, kept in ComfyUI's folders."""

import dataclasses
import json
import re
from pathlib import Path

import folder_paths
import torch

from ...ddgi.bridge import BridgeSizes
from ...ddgi.errors import InputError
from ...ddgi.gan import Generator
from ...ddgi.native import read_metadata
from ...ddgi.pictures import image_from_pil
from ...ddgi.training.bridge_trainer import MAPPING, MODULATION, BridgeTrainer
from ...ddgi.training.config import FeatureConfig, TrainConfig
from ...ddgi.training.folder import last_lines
from ...ddgi.training.preflight import report_lines
from ...ddgi.training.sources import DataTable
from ...ddgi.training.watch import Watch, last_preview, save_preview
from .. import folders
from ..managed import ManagedModel, trainable_copy
from ..shown import Shown
from .encoder import DiffusionEncoder
from .recipe import check, prepare

_NAME = re.compile(r"\w[\w .-]*(?<![ .])", re.ASCII)


def train(name: str, data: dict, settings: dict, model, clip, vae, control_net, generator: ManagedModel[Generator],
          node_id: str) -> tuple[Path, torch.Tensor, str]:
    """Train, or go on with, the bridge `name`.

    Args:
        data: fields of `DataTable`. settings: values of the node's other widgets.
        node_id: where progress, previews and the report are shown.

    Returns:
        The bridge's file, the last preview as IMAGE, and the report.

    Raises:
        InputError: something in the settings, the models, the data or the folder is not as it must be.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"The name {name!r} cannot be a file name; use letters, digits, spaces, - and _.")
    folder = Path(folder_paths.get_output_directory()) / "ddgi_train" / name
    shown = _Shown(folder, node_id)
    with torch.inference_mode(False):  # ComfyUI runs nodes in the mode, which knows no gradients
        encoder = DiffusionEncoder(model, clip, vae, control_net, size=settings["size"], cfg=settings["cfg"],
                                   steps=settings["sampling_steps"], name=type(model.model.model_config).__name__)
        trainer, problems = prepare(_config(settings), _table(data, settings), encoder, trainable_copy(generator),
                                    folder, shown.watch)
        file = _file(name, trainer)
        with trainer.lock:
            report = check(trainer)
            trainer.run().save(file)
    text = "\n".join([*problems, *report_lines(report), *_scores(folder), f"saved            {file}"])
    return file, _image(folder), text


class _Shown:
    """Shows a training at its node; a cancel stops it at the end of a step."""

    def __init__(self, folder: Path, node_id: str):
        self.folder, self.shown, self.picture = folder, Shown(node_id), None
        self.watch = Watch(report=self.shown.report, progress=self._progress, preview=self._preview)

    def _progress(self, what: str, done: int, total: int) -> None:
        picture, self.picture = self.picture, None
        self.shown.progress(what, done, total, picture)

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


def _table(fields: dict, settings: dict) -> DataTable:
    """A folder by its full path, or by its name in ComfyUI's input folder."""
    root = fields.get("root", "").strip().strip('"')  # Windows copies paths with quotes
    shares = {name: settings[name] for name in ("rough_share", "no_hint_share") if name in settings}
    return DataTable(**fields | shares | {"root": root and str(Path(folder_paths.get_input_directory()) / root)})


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
    return torch.zeros(1, 1, 1, 3) if sheet is None else image_from_pil(sheet)
