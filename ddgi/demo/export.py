"""Write the trained demo models and say where they come from."""

import datetime
import json
import platform
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from ..files import save_tensors
from . import files
from .settings import Settings


def provenance(settings: Settings, work: Path, *stages: str) -> dict:
    """What a file's metadata says of its training: data, steps, seconds and last losses of each stage."""
    record = {"data": "head world (procedural, this repository)", "date": datetime.date.today().isoformat(),
              "hardware": hardware(settings.device), "settings": asdict(settings), "stages": {}}
    for stage in stages:
        log = work / f"{stage}.jsonl"
        if log.exists():
            record["stages"][stage] = json.loads(log.read_text().splitlines()[-1])
    return record


def hardware(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} threads, {platform.machine()}"


def save_diffusion(path: Path, config, networks: dict[str, nn.Module], autoencoder: nn.Module, record: dict) -> None:
    """U-Net, text encoder and autoencoder in one file, fp16; `config` is a DiffusionConfig."""
    tensors = {}
    for prefix, module in (("unet", networks["unet"]), ("text", networks["text"]), ("vae", autoencoder)):
        tensors |= {f"{prefix}.{k}": v.half() for k, v in module.state_dict().items()}
    save_tensors(path, tensors, format=files.DIFFUSION_FORMAT, config=config.to_json(), provenance=record)


def save_control_net(path: Path, config, control_net: nn.Module, record: dict) -> None:
    save_tensors(path, {k: v.half() for k, v in control_net.state_dict().items()}, format=files.CONTROL_NET_FORMAT,
                 config=config.to_json(), provenance=record)
