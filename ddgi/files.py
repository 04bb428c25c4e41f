"""Our file format: safetensors with a JSON header, written so that a crash loses nothing."""

import contextlib
import hashlib
import json
import os
import re
import socket
import tempfile
import time
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from .errors import InputError, first_line

VERSION = 1
_UMASK = os.umask(0)  # it can only be read by setting it
os.umask(_UMASK)
_MACHINE = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:4]
_PART = re.compile(r"\..+\.([0-9a-f]{4})-(\d+)-[a-z0-9_]+\.part")  # name, machine, process, and tempfile's letters
_FORGOTTEN = 3600.0                                                # seconds after which nobody goes on writing
_REMEDY = "free space on that disk, or choose a folder that can be written"


@contextlib.contextmanager
def atomic_path(path: str | Path, remedy: str = _REMEDY, tidy: bool = True):
    """Yield a temporary path in the folder of `path`; rename it to `path` on success, remove it on failure.

    Temporary files of killed processes go from that folder, too; `tidy` False leaves them, for many files in a folder
    that was swept before.

    Raises:
        InputError: it cannot be written (a full disk, a folder that is closed or no folder); it says to do `remedy`.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if tidy:
            sweep(path.parent)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.{_MACHINE}-{os.getpid()}-",
                                             suffix=".part")
        os.close(handle)
        try:
            yield Path(temporary)
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_UMASK)  # temporary files are their owner's alone, as are safetensors' own
            os.replace(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except (OSError, SafetensorError) as error:
        raise write_error(path, error, remedy) from error


def write_text(path: str | Path, text: str, remedy: str = _REMEDY) -> None:
    """Write a text file whole or not at all; errors as those of `atomic_path`."""
    with atomic_path(path, remedy) as temporary:
        temporary.write_text(text, encoding="utf-8")


def make_folder(path: str | Path) -> Path:
    """The folder `path`, with those above it; it may be there already.

    Raises:
        InputError: it cannot be made.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path, error) from error
    return Path(path)


def write_error(path: str | Path, error: Exception, remedy: str = _REMEDY) -> InputError:
    """The sentence of a file that could not be written."""
    reason = getattr(error, "strerror", None) or first_line(error)
    return InputError(f"{path} could not be written ({reason}); {remedy}.")


def sweep(folder: str | Path) -> None:
    """Remove the temporary files of `atomic_path` whose process was killed."""
    for entry in os.scandir(folder):
        match = _PART.fullmatch(entry.name)
        if match is not None and _left_behind(entry, *match.groups()):
            with contextlib.suppress(OSError):                      # another process swept it first
                os.unlink(entry.path)


def _left_behind(entry: os.DirEntry, machine: str, process: str) -> bool:
    if machine == _MACHINE and os.name == "posix":                  # elsewhere os.kill would end the process
        try:
            os.kill(int(process), 0)                                # asks whether it is there
        except (ProcessLookupError, OverflowError):
            return True
        except PermissionError:
            pass
    try:
        return time.time() - entry.stat().st_mtime > _FORGOTTEN     # its number may be another process's by now
    except OSError:
        return False


def save_tensors(path: str | Path, tensors: dict[str, torch.Tensor], *, format: str, config: dict,
                 provenance: dict | None = None, notes: dict[str, str] | None = None) -> None:
    """Write tensors with `format` (for example "ddgi.stylegan2"), `config` and `provenance` as JSON metadata.

    `notes` are further metadata as text, for other programs.
    """
    metadata = {**(notes or {}), "format": format, "version": str(VERSION), "config": json.dumps(config),
                "provenance": json.dumps(provenance or {})}
    with atomic_path(path) as temporary:
        save_file({k: v.detach().contiguous().cpu() for k, v in tensors.items()}, temporary, metadata=metadata)


def read_state(path: str | Path) -> dict[str, torch.Tensor]:
    """Tensors of a .safetensors file or of a .pt/.pth that holds nothing else.

    Raises:
        InputError: the file is missing or broken, or would run code.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {path}; check the name.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path.name} cannot be read ({error}); download it again.") from error
    except Exception as error:  # whatever unpickling a hostile or foreign file raises
        raise InputError(f"{path.name} is no plain state dict; save one with "
                         f"torch.save(network.state_dict(), path), or as safetensors.") from error


def file_digest(path: str | Path) -> str:
    """Short stable name for a file's bytes: SHA-256, 16 hex digits.

    Raises:
        InputError: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the name, or put the file there.") from error
    return digest.hexdigest()[:16]


def fingerprint(tensors: dict[str, torch.Tensor]) -> str:
    """Short stable name for a set of weights: SHA-256 over names, shapes and fp32 values, 16 hex digits."""
    digest = hashlib.sha256()
    for key in sorted(tensors):
        value = tensors[key].detach().to("cpu", torch.float32).contiguous()
        digest.update(f"{key}{tuple(value.shape)}".encode())
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()[:16]
