"""What a foreign file holds: which part of it is the generator, its tensors under the public names, its settings."""

import dataclasses
from pathlib import Path

import torch

from ..config import short
from ..errors import InputError
from ..gan.foreign import ForeignModule
from .nvidia import collect_tensors, foreign_module, refuse_tensorflow
from .passive_pickle import PassivePickle
from .records import Budget, Record, TensorRecord
from .rosinality import DECODER, is_rosinality, mean_latent, rename
from .torch_data import TorchCalls, map_file, read_legacy, read_zip

ROOTS = ("G_ema", "g_ema", "G", "state_dict", "g", "generator", "params_ema", "model")
PARALLEL = "module."        # what torch's DataParallel puts before every name
SPARE_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class Found:
    """A generator of a foreign file.

    Attributes:
        tensors: under the public names.
        network: its module tree, None where the file holds bare tensors.
        source: container and dialect, for the provenance.
    """

    tensors: dict[str, torch.Tensor]
    network: ForeignModule | None
    source: str


def read_root(path: Path, kind: str) -> tuple[object, Budget]:
    """The value of a pickle or of a file of `torch.save` (see `reading.file_kind`), passive, and what may still be
    spent on it."""
    data = map_file(path)
    budget = Budget(4 * len(data) + SPARE_BYTES)
    call = TorchCalls(budget)
    if kind == "zip":
        return read_zip(path, data, call), budget
    if kind == "legacy":
        return read_legacy(data, call, budget), budget
    return PassivePickle(data, call, budget, make=call.make).load(), budget


def find_generator(path: Path, kind: str) -> Found:
    """The generator of a pickle or of a file of `torch.save`.

    Raises:
        InputError: damaged, hostile, of the TensorFlow era, or without a generator.
    """
    root, budget = read_root(path, kind)
    average = root.get("latent_avg") if isinstance(root, dict) else None
    value = _candidate(root)
    if isinstance(value, Record):
        return _whole_module(value, budget, "NVIDIA pickle" if kind == "pickle" else "torch checkpoint")
    tensors = {key: value.read(budget) for key, value in _bare(_tensors(value)).items()}
    average = average.read(budget) if isinstance(average, TensorRecord) else None
    return from_tensors(tensors, average, "torch checkpoint")


def from_tensors(tensors: dict[str, torch.Tensor], average: torch.Tensor | None, source: str) -> Found:
    """Bare tensors of any dialect; `average` is the file's own mean latent."""
    tensors = _bare(tensors)
    if is_rosinality(tensors):
        tensors, source = rename(tensors), source.replace("torch", "rosinality")
    if average is not None:
        tensors["mapping.w_avg"] = mean_latent(average)
    return Found(tensors, None, source)


def _candidate(root: object) -> Record | dict:
    """The part of a file that is the generator: a module or a dict of tensors."""
    refuse_tensorflow(root)
    if isinstance(root, Record):
        return root
    if not isinstance(root, dict):
        raise InputError(f"it holds {short(root)} and no generator")
    for key in ROOTS:
        refuse_tensorflow(root.get(key))
        if isinstance(value := root.get(key), Record) or (isinstance(value, dict) and _tensors(value)):
            return value
    if not _tensors(root):
        raise InputError("it holds no generator (none of 'G_ema', 'g_ema', 'G', 'state_dict' or 'g')")
    return root


def _tensors(state: dict) -> dict[str, TensorRecord]:
    return {name: value for name, value in state.items() if isinstance(value, TensorRecord)}


def _bare(tensors: dict) -> dict:
    """Names without what training and encoders put before them: DataParallel's `module.`, pSp's `decoder.`.

    A state dict of pSp or e4e also holds the encoder, which is left out; the decoder of EG3D is a part beside others.
    """
    while tensors and all(name.startswith(PARALLEL) for name in tensors):
        tensors = {name[len(PARALLEL):]: value for name, value in tensors.items()}
    decoder = {name[len(DECODER):]: value for name, value in tensors.items() if name.startswith(DECODER)}
    return decoder if is_rosinality(decoder) else tensors


def _whole_module(record: Record, budget: Budget, container: str) -> Found:
    tensors = {name: value.read(budget) for name, value in collect_tensors(record, budget).items()}
    network = foreign_module(record, budget)
    while tensors and all(name.startswith(PARALLEL) for name in tensors):
        tensors = {name[len(PARALLEL):]: value for name, value in tensors.items()}
        network = network.child(PARALLEL[:-1])
    if is_rosinality(tensors):
        return from_tensors(tensors, None, f"{container} of a whole rosinality module")
    return Found(tensors, network, f"{container} ({network.name[:60]})")
