"""The one reader of safetensors files: this pack's own, and bare ones.

A file may claim anything in its header: sizes beyond the file, a million tensors, JSON nested without end. The header
is bounded and checked before a tensor is read, and shapes are compared with what the config calls for before a network
is built, so that time and memory are bounded by what the file really holds.
"""

import contextlib
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from torch.overrides import TorchFunctionMode

from .config import short
from .errors import InputError, first_line
from .fields import from_json, parse_json
from .files import VERSION

MAX_HEADER = 8 << 20
MAX_TENSORS = 20_000
OURS = "ddgi."                      # begins the format of every file of this pack
FLOATS = {"F64", "F32", "F16", "BF16"}
WHOLE = {"I64", "I32", "I16", "I8", "U8", "BOOL"}
BROKEN = "download or export it again"

Config = TypeVar("Config")


class Described(NamedTuple):
    """What a tensor is, without its numbers."""

    shape: tuple[int, ...]
    is_float: bool


class Header(NamedTuple):
    """The head of a safetensors file: metadata as text, and what each tensor is."""

    metadata: dict[str, str]
    tensors: dict[str, Described]


def read_head(path: str | Path) -> Header:
    """The header of a safetensors file.

    Raises:
        InputError: the file is missing or broken, its header is larger than 8 MiB, or it holds more than 20,000
            tensors or numbers of a type that no weights have.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {path}; check the name or put the file there.")
    try:
        entries = _entries(path)
        metadata = entries.pop("__metadata__", {})
        if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError("its metadata is no text")
        return Header(metadata, {name: _described(name, entry) for name, entry in entries.items()})
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name} is not a readable safetensors file ({first_line(error)}); {BROKEN}.") from error


def _entries(path: Path) -> dict:
    """The header's JSON object."""
    with open(path, "rb") as file:
        start = file.read(8)
        size = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= size <= path.stat().st_size - 8:
            raise ValueError("it ends in the middle of its header")
        if size > MAX_HEADER:
            raise ValueError(f"its header is larger than {MAX_HEADER >> 20} MiB")
        text = file.read(size)
    if text.count(b"data_offsets") > MAX_TENSORS:
        raise ValueError(f"it holds more than {MAX_TENSORS:,} tensors")
    entries = parse_json(text)
    if not isinstance(entries, dict):
        raise ValueError("its header is no list of tensors")
    return entries


def _described(name: str, entry: object) -> Described:
    dtype, shape = (entry.get("dtype"), entry.get("shape")) if isinstance(entry, dict) else (None, None)
    if not isinstance(dtype, str) or dtype not in FLOATS | WHOLE:
        raise ValueError(f"its tensor {short(name)} holds numbers of type {short(dtype)}, which weights never are")
    if not isinstance(shape, list) or not all(type(size) is int and 0 <= size < 2 ** 48 for size in shape):
        raise ValueError(f"its tensor {short(name)} has no shape")
    return Described(tuple(shape), dtype in FLOATS)


def read_metadata(path: str | Path) -> dict:
    """Metadata of a safetensors file: {"format": text or missing, "config": dict, "provenance": dict, other: text}.

    Config and provenance are those of our own files, empty for others.

    Raises:
        InputError: as `read_head`; also if config or provenance is no JSON object.
    """
    return _metadata(Path(path), read_head(path))


def _metadata(path: Path, head: Header) -> dict:
    metadata: dict = {**head.metadata, "config": {}, "provenance": {}}
    if metadata.get("format", "").startswith(OURS):
        for key in ("config", "provenance"):
            try:
                metadata[key] = parse_json(head.metadata.get(key, "{}"))
            except ValueError as error:
                raise InputError(f"{path.name} has a damaged {key} ({first_line(error)}); {BROKEN}.") from error
            if not isinstance(metadata[key], dict):
                raise InputError(f"{path.name} has {short(metadata[key])} for its {key}, which must be an object of "
                                 f"named values; {BROKEN}.")
    return metadata


def read_header(path: str | Path, *, format: str) -> dict:
    """Metadata, as of `read_metadata`, of a file written by `save_tensors` with this `format`.

    Raises:
        InputError: the file is missing, broken, of another format or of a newer version.
    """
    return _own_metadata(Path(path), read_head(path), format)


def _own_metadata(path: Path, head: Header, format: str) -> dict:
    metadata = _metadata(path, head)
    found, version = metadata.get("format"), metadata.get("version", "")
    if found != format:
        raise InputError(f"{path.name} is a {short(found or 'foreign')} file but a {format!r} file is needed here; "
                         f"choose another file.")
    if not version.isdecimal() or len(version) > 9:
        raise InputError(f"{path.name} has the version {short(version)}, which is no number; {BROKEN}.")
    if int(version) > VERSION:
        raise InputError(f"{path.name} was written by a newer version of this pack (file version {version}, this pack "
                         f"reads up to {VERSION}); update the pack.")
    return metadata


def load_tensors(path: str | Path, *, format: str) -> tuple[dict[str, torch.Tensor], dict]:
    """Tensors and metadata of a file written by `save_tensors` with this `format`; errors as of `read_header`."""
    metadata = read_header(path, format=format)
    return _tensors(Path(path)), metadata


def read_tensors(path: str | Path) -> dict[str, torch.Tensor]:
    """All tensors of any safetensors file; errors as of `read_head`."""
    read_head(path)
    return _tensors(Path(path))


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        with safe_open(path, "pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path.name} is not a readable safetensors file ({first_line(error)}); {BROKEN}.") from error


@contextlib.contextmanager
def naming(path: str | Path):
    """Put the file's name before the sentence of an InputError that lacks it."""
    try:
        yield
    except InputError as error:
        name = Path(path).name
        raise error if name in str(error) else InputError(f"{name}: {error}") from error


def read_config(path: str | Path, *, format: str, kind: type[Config], what: str) -> Config:
    """The config of a file with a network, without its weights; arguments and errors as of `load_network`."""
    values = read_header(path, format=format)["config"]
    with naming(path):
        return from_json(kind, values, f"{what}'s config")


def load_network(path: str | Path, *, format: str, kind: type[Config], build: Callable[[Config], nn.Module],
                 what: str) -> tuple[dict[str, torch.Tensor], Config, dict]:
    """Weights (fp32), config and provenance of a file with a network.

    Args:
        format: for example "ddgi.bridge". kind: dataclass of its config.
        build: the network of a config; called once without memory for it.
        what: the network in messages, for example "the bridge".

    Raises:
        InputError: as `read_header`; a config of other fields, types or values; tensors of other names or shapes than
            the config calls for, or with numbers that are not finite.
    """
    path = Path(path)
    head = read_head(path)
    metadata = _own_metadata(path, head, format)
    with naming(path):
        config = from_json(kind, metadata["config"], f"{what}'s config")
        check_tensors(head.tensors, skeleton(lambda: build(config)), what)
        tensors = _tensors(path)
        check_finite(tensors, what)
    tensors = {key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}
    return tensors, config, metadata["provenance"]


def skeleton(build: Callable[[], nn.Module]) -> dict[str, Described]:
    """What the tensors of a network are, built without memory for them.

    Raises:
        InputError: the sizes are too large for any tensor.
    """
    try:
        with without_weights():
            return described(build().state_dict())
    except InputError:
        raise
    except (RuntimeError, ArithmeticError, ValueError) as error:
        raise InputError(f"Its sizes are impossible ({first_line(error)}); {BROKEN}.") from error


class _NoInitialWeights(TorchFunctionMode):
    """Leaves tensors as they are where a layer would fill them.

    Filling a tensor on the meta device does nothing but load torch's symbolic mathematics, which takes seconds.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in (torch.Tensor.normal_, torch.Tensor.uniform_) or getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return (torch.empty if func is torch.randn else func)(*args, **kwargs)


@contextlib.contextmanager
def without_weights() -> Iterator[None]:
    """Networks that are built inside have shapes and no numbers: they stand on torch's meta device, without memory."""
    with torch.device("meta"), _NoInitialWeights():
        yield


def described(tensors: Mapping[str, torch.Tensor]) -> dict[str, Described]:
    """What tensors are, by name."""
    return {name: Described(tuple(value.shape), value.is_floating_point()) for name, value in tensors.items()}


def check_tensors(found: Mapping[str, Described], expected: Mapping[str, Described], what: str) -> None:
    """Refuse missing, extra and misshapen tensors, and whole numbers for weights; the message names the first.

    Raises:
        InputError: `what` begins the sentence.
    """
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        misfit = _misfit(short(wrong[0]), found.get(wrong[0]), expected.get(wrong[0]))
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise InputError(f"{what} does not hold the weights that its sizes call for: {misfit}{more}; use an unmodified "
                         f"file.")


def _misfit(name: str, found: Described | None, expected: Described | None) -> str:
    if found is None or expected is None:
        return f"the tensor {name} is {'missing' if found is None else 'not known'}"
    if found.shape != expected.shape:
        return f"the tensor {name} has the shape {list(found.shape)} in the place of {list(expected.shape)}"
    return f"the tensor {name} holds whole numbers"


def check_finite(tensors: Mapping[str, torch.Tensor], what: str) -> None:
    """Refuse weights that are not finite; `what` begins the sentence."""
    for name, value in tensors.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise InputError(f"{what} holds values that are not finite (in {short(name)}); {BROKEN}.")
