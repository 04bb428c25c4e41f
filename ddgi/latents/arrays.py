"""Arrays of shared files: .npy, .npz, .pt and .safetensors as tensors by name. Nothing in a file is executed."""

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ..checkpoints.foreign import read_root
from ..checkpoints.reading import file_kind, refusing
from ..checkpoints.records import Budget, TensorRecord
from ..errors import InputError
from ..native import read_tensors

SUFFIXES = (".npy", ".npz", ".pt", ".pth", ".safetensors")
LARGEST = 1 << 28       # bytes of one file's arrays; 14,000 faces of 18 x 512 floats


def read_arrays(path: str | Path) -> dict[str, torch.Tensor]:
    """The floats of a file as fp32 tensors by name; "" where the file holds a single nameless one.

    Numpy files are read without pickle, torch files as `ddgi.load_generator` reads them.

    Raises:
        InputError: missing, damaged, too large, or without an array of numbers.
    """
    path = Path(path)
    kind = "numpy" if path.suffix in (".npy", ".npz") and path.is_file() else file_kind(path)
    with refusing(path):
        if kind == "numpy":
            found = dict(_numpy(path))
        elif kind == "safetensors":
            found = read_tensors(path)
        else:
            root, budget = read_root(path, kind)
            found = {name: record.read(budget) for name, record in _records(root, "", budget)}
        numbers = {name: value.float() for name, value in found.items()
                   if (value.is_floating_point() or value.dtype in (torch.int64, torch.int32)) and value.numel()}
        if not numbers:
            raise InputError("it holds no array of numbers")
    return numbers


def _numpy(path: Path) -> Iterator[tuple[str, torch.Tensor]]:
    if path.stat().st_size > LARGEST:
        raise InputError(f"it is larger than {LARGEST >> 20} MiB")
    if path.suffix == ".npz":
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
                raise InputError(f"it unpacks to more than {LARGEST >> 20} MiB")
    try:
        with contextlib.closing(np.load(path, allow_pickle=False)) if path.suffix == ".npz" else (
                contextlib.nullcontext({"": np.load(path, allow_pickle=False)})) as arrays:
            for name in arrays:
                if arrays[name].dtype.kind in "fiu":
                    yield name, torch.from_numpy(np.ascontiguousarray(arrays[name], np.float32))
    except ValueError as error:
        raise InputError("it holds Python objects and not plain numbers; save the array alone with numpy.save") from (
            error)


def _records(value: object, name: str, budget: Budget, depth: int = 3) -> Iterator[tuple[str, TensorRecord]]:
    """Tensors in a value, in dicts and lists, with their names joined by dots."""
    if isinstance(value, TensorRecord):
        yield name, value
    elif isinstance(value, dict | list | tuple) and depth:
        budget.meet(len(value))     # the same list may stand in a list a thousand times
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from _records(inner, f"{name}.{key}" if name else str(key), budget, depth - 1)
