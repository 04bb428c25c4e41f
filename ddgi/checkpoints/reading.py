"""Recognise a generator file by its content, read it, convert it."""

import contextlib
import json
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn

from ..errors import InputError
from ..files import VERSION, read_metadata
from ..gan import FORMAT, Generator
from ..gan.mapping import MappingNetwork
from .nvidia import collect_tensors, read_network, settings
from .records import Budget, TensorRecord
from .rosinality import find_state, is_rosinality, mean_latent, rename
from .torch_data import LEGACY_MAGIC, TorchCalls, map_file, read_legacy, read_zip

AVERAGE_SAMPLES = 4096
AVERAGE_SEED = 0
SPARE_BYTES = 1 << 20
MAX_LATENT = 8192
LEGACY_START = b"\x80\x02\x8a\x0a" + LEGACY_MAGIC.to_bytes(10, "little")


@contextlib.contextmanager
def refusing(path: Path):
    """Turn whatever goes wrong while reading `path` into one InputError that names the file.

    Deliberately broad: a damaged or hostile file may trip any check, also inside the libraries used here,
    and the user needs one sentence.
    """
    try:
        yield
    except InputError as error:
        message = str(error)
        if path.name in message:
            raise
        if message[:1].isupper():       # a whole sentence already
            raise InputError(f"{path.name}: {message}") from error
        raise InputError(f"{path.name} cannot be read: {message}; use another file.") from error
    except Exception as error:
        raise InputError(f"{path.name} cannot be read: it is damaged ({type(error).__name__}); download or export it "
                         f"again.") from error


def file_kind(path: Path) -> str:
    """"safetensors", "zip", "legacy" (both of torch.save) or "pickle", from the first bytes.

    Raises:
        InputError: the file is missing or none of these.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}; check the name or put the file there.")
    with open(path, "rb") as file:
        start = file.read(16)
    if start[:4] == b"PK\x03\x04":
        return "zip"
    if start.startswith(LEGACY_START):
        return "legacy"
    if start[8:9] == b"{":
        return "safetensors"
    if start[:1] == b"\x80":
        return "pickle"
    raise InputError(f"{path.name} is no generator file; .safetensors, NVIDIA .pkl and rosinality .pt are read.")


def load_generator(path: str | Path, *, operations=nn) -> Generator:
    """Read a StyleGAN2 generator: our .safetensors, NVIDIA .pkl or rosinality .pt (also NADA, pSp, e4e).

    Args:
        path: the file; its content decides, not its ending.
        operations: supplies the linear layer class.

    Raises:
        InputError: missing, damaged, hostile, or not a StyleGAN2 generator.
    """
    path = Path(path)
    kind = file_kind(path)
    with refusing(path):
        if kind == "safetensors":
            tensors, options = _read_safetensors(path)
        elif kind == "pickle":
            tensors, options = _read_nvidia(path)
        else:
            tensors, options = _read_torch(path, kind)
        options.setdefault("name", path.stem)
        return Generator.from_state_dict(tensors, operations=operations, **options)


def convert(source: str | Path, target: str | Path) -> Generator:
    """Rewrite any readable generator file as our safetensors file; it renders bit-identical pictures.

    Raises:
        InputError: the source cannot be read, or the target is the source or has another ending.
    """
    source, target = Path(source), Path(target)
    if target.suffix != ".safetensors":
        raise InputError(f"The output is {target.name!r}; generators are written as .safetensors files.")
    if target.exists() and source.exists() and target.samefile(source):
        raise InputError(f"Input and output are the same file {source.name!r}; give another output name.")
    generator = load_generator(source)
    generator.save(target, provenance={"converted_from": source.name})
    return generator


def _read_safetensors(path: Path) -> tuple[dict[str, torch.Tensor], dict]:
    metadata = read_metadata(path)
    found = metadata.get("format")
    with safe_open(path, "pt") as file:
        if found == FORMAT:
            if int(metadata.get("version", 0)) > VERSION:
                raise InputError(f"it was written by a newer version of this pack (file version {metadata['version']})")
            return {name: file.get_tensor(name) for name in list(file.keys())}, _native_options(metadata)
        if found in (None, "pt"):
            tensors = {name: file.get_tensor(name) for name in list(file.keys())}
            return finish(tensors, None, {"source": "safetensors"})
    raise InputError(f"it is a {str(found)[:40]!r} file, not a generator")


def _native_options(metadata: dict) -> dict:
    config, provenance = metadata["config"], metadata["provenance"]
    options = {"conv_clamp": config.get("conv_clamp"), "num_fp16_res": int(config.get("num_fp16_res", 0))}
    options["provenance"] = {key: value for key, value in provenance.items() if key != "name"}
    return options | ({"name": str(provenance["name"])} if provenance.get("name") else {})


def _read_nvidia(path: Path) -> tuple[dict[str, torch.Tensor], dict]:
    data = map_file(path)
    budget = Budget(4 * len(data) + SPARE_BYTES)
    network = read_network(data, budget)
    tensors = {key: value.read(budget) for key, value in collect_tensors(network).items()}
    tensors, options = finish(tensors, None, {"source": f"NVIDIA pickle ({network.name[:60]})"})
    return tensors, options | settings(network)


def _read_torch(path: Path, kind: str) -> tuple[dict[str, torch.Tensor], dict]:
    data = map_file(path)
    budget = Budget(4 * len(data) + SPARE_BYTES)
    call = TorchCalls(budget)
    root = read_zip(path, data, call) if kind == "zip" else read_legacy(data, call, budget)
    state, average = find_state(root)
    tensors = {key: value.read(budget) for key, value in state.items()}
    average = average.read(budget) if isinstance(average, TensorRecord) else None
    dialect = "rosinality" if is_rosinality(state) else "torch"
    return finish(tensors, average, {"source": f"{dialect} checkpoint"})


def finish(tensors: dict[str, torch.Tensor], average: torch.Tensor | None,
           provenance: dict) -> tuple[dict[str, torch.Tensor], dict]:
    """Our names, and a mean latent: the file's own, or one sampled from the mapping network."""
    tensors = rename(tensors) if is_rosinality(tensors) else dict(tensors)
    if average is not None:
        tensors["mapping.w_avg"] = mean_latent(average)
    elif "mapping.w_avg" not in tensors and "mapping.fc0.weight" in tensors:
        tensors["mapping.w_avg"] = sample_average(tensors)
        provenance = {**provenance, "w_avg": f"mean of {AVERAGE_SAMPLES} samples, seed {AVERAGE_SEED}"}
    return tensors, {"provenance": provenance}


@torch.no_grad()
def sample_average(tensors: dict[str, torch.Tensor]) -> torch.Tensor:
    """Mean w over 4,096 seeded z, for files that come without one; zeros for a conditional mapping."""
    weights = {}
    for key, value in tensors.items():
        if key.startswith("mapping."):
            weights[key[len("mapping."):]] = value.float()
    layers = sum(key.startswith("fc") and key.endswith(".weight") for key in weights)
    w_dim, z_dim = weights["fc0.weight"].shape
    if max(w_dim, z_dim) > MAX_LATENT:
        raise InputError(f"its latents have {max(w_dim, z_dim)} numbers; {MAX_LATENT} is the limit")
    if any(weights[f"fc{index}.weight"].shape != (w_dim, w_dim) for index in range(1, layers)):
        raise InputError("its mapping network has uneven layers")
    if "embed.weight" in weights:
        return torch.zeros(w_dim)
    with torch.random.fork_rng(devices=[]):
        mapping = MappingNetwork(z_dim, 0, w_dim, 1, layers)
    mapping.load_state_dict(weights | {"w_avg": torch.zeros(w_dim)})
    z = torch.randn(AVERAGE_SAMPLES, z_dim, generator=torch.Generator().manual_seed(AVERAGE_SEED))
    return mapping.single(z).mean(dim=0)


def describe_metadata(path: Path) -> dict:
    """Our metadata of a safetensors file, with anything unserialisable refused."""
    with refusing(path):
        metadata = read_metadata(path)
        json.dumps(metadata)
        return metadata
