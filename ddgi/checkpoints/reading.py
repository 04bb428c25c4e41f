"""Recognise a generator file by its content, read it, convert it."""

import contextlib
import dataclasses
import json
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn

from ..errors import InputError
from ..files import VERSION, read_metadata
from ..gan import FORMAT, Generator
from ..gan.eg3d import FORMAT as EG3D_FORMAT
from ..gan.eg3d import EG3DConfig, EG3DGenerator, RenderingConfig
from ..gan.eg3d.infer import infer_config, is_eg3d
from ..gan.mapping import MappingNetwork
from .nvidia import collect_tensors, read_network, settings
from .nvidia_eg3d import decoder_gain, eg3d_options, is_eg3d_network, trained_with_noise
from .records import Budget, Record, TensorRecord
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


def load_generator(path: str | Path, *, plane_axes: str | None = None, operations=nn) -> Generator:
    """Read a generator: our .safetensors, NVIDIA .pkl or rosinality .pt (also NADA, pSp, e4e).

    Args:
        path: the file; its content decides, not its ending.
        plane_axes: for EG3D files of forks: the order of their planes, a name of `ddgi.gan.eg3d.planes.PLANE_AXES`;
            None takes the file's own, or that of the released weights if the file does not say.
        operations: supplies the linear layer class.

    Returns:
        A `Generator` for StyleGAN2, an `EG3DGenerator` for EG3D.

    Raises:
        InputError: missing, damaged, hostile, or no such generator; plane axes for a 2D generator.
    """
    path = Path(path)
    kind = file_kind(path)
    with refusing(path):
        if kind == "safetensors":
            tensors, options = _read_safetensors(path, plane_axes)
        elif kind == "pickle":
            tensors, options = _read_nvidia(path, plane_axes)
        else:
            tensors, options = _read_torch(path, kind, plane_axes)
        options.setdefault("name", path.stem)
        if "config" in options:
            return EG3DGenerator.from_state_dict(tensors, operations=operations, **options)
        if plane_axes is not None:
            raise InputError("plane axes were given, but it is a 2D StyleGAN2 generator, which has none")
        return Generator.from_state_dict(tensors, operations=operations, **options)


def convert(source: str | Path, target: str | Path, *, plane_axes: str | None = None) -> Generator:
    """Rewrite any readable generator file as our safetensors file; it renders bit-identical pictures.

    `plane_axes` as in `load_generator`; the choice is kept in the new file.

    Raises:
        InputError: the source cannot be read, or the target is the source or has another ending.
    """
    source, target = Path(source), Path(target)
    if target.suffix != ".safetensors":
        raise InputError(f"The output is {target.name!r}; generators are written as .safetensors files.")
    if target.exists() and source.exists() and target.samefile(source):
        raise InputError(f"Input and output are the same file {source.name!r}; give another output name.")
    generator = load_generator(source, plane_axes=plane_axes)
    generator.save(target, provenance={"converted_from": source.name})
    return generator


def _read_safetensors(path: Path, plane_axes: str | None) -> tuple[dict[str, torch.Tensor], dict]:
    metadata = read_metadata(path)
    found = metadata.get("format")
    if found not in (FORMAT, EG3D_FORMAT, None, "pt"):
        raise InputError(f"it is a {str(found)[:40]!r} file, not a generator")
    if found in (FORMAT, EG3D_FORMAT) and int(metadata.get("version", 0)) > VERSION:
        raise InputError(f"it was written by a newer version of this pack (file version {metadata['version']})")
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in list(file.keys())}
    if found == FORMAT:
        return tensors, _native_options(metadata)
    if found == EG3D_FORMAT:
        return tensors, _native_eg3d_options(tensors, metadata, plane_axes)
    return finish(tensors, None, {"source": "safetensors"}, plane_axes)


def _native_options(metadata: dict) -> dict:
    config = metadata["config"]
    return _native_identity(metadata) | {"conv_clamp": config.get("conv_clamp"),
                                         "num_fp16_res": int(config.get("num_fp16_res", 0))}


def _native_eg3d_options(tensors: dict[str, torch.Tensor], metadata: dict, plane_axes: str | None) -> dict:
    """Sizes come from the tensors, which bounds them by what the file really holds; the rest from its config."""
    config = EG3DConfig.from_json(metadata["config"])
    rendering = config.rendering
    if plane_axes is not None:
        rendering = dataclasses.replace(rendering, plane_axes=plane_axes)
    config = infer_config(
        tensors, conv_clamp=config.backbone.conv_clamp, num_fp16_res=config.backbone.num_fp16_res,
        sr_kind=config.sr_kind, sr_antialias=config.sr_antialias, sr_conv_clamp=config.sr_conv_clamp,
        neural_rendering_resolution=config.neural_rendering_resolution, rendering=rendering)
    return _native_identity(metadata) | {"config": config}


def _native_identity(metadata: dict) -> dict:
    provenance = metadata["provenance"]
    options = {"provenance": {key: value for key, value in provenance.items() if key != "name"}}
    return options | ({"name": str(provenance["name"])} if provenance.get("name") else {})


def _read_nvidia(path: Path, plane_axes: str | None) -> tuple[dict[str, torch.Tensor], dict]:
    data = map_file(path)
    budget = Budget(4 * len(data) + SPARE_BYTES)
    network = read_network(data, budget)
    tensors = {key: value.read(budget) for key, value in collect_tensors(network).items()}
    provenance = {"source": f"NVIDIA pickle ({network.name[:60]})"}
    if is_eg3d_network(network):
        return _nvidia_eg3d(network, tensors, provenance, budget, plane_axes)
    tensors, options = finish(tensors, None, provenance)
    return tensors, options | settings(network)


def _nvidia_eg3d(network: Record, tensors: dict[str, torch.Tensor], provenance: dict, budget: Budget,
                 plane_axes: str | None) -> tuple[dict[str, torch.Tensor], dict]:
    config = infer_config(tensors, **eg3d_options(network, budget, plane_axes))
    if (gain := decoder_gain(network)) != 1:
        tensors = {key: value.float() * gain if key.startswith("decoder.") else value for key, value in tensors.items()}
    if trained_with_noise(network):
        provenance["super_resolution"] = "trained with noise, rendered without"
    return tensors, {"config": config, "provenance": provenance}


def _read_torch(path: Path, kind: str, plane_axes: str | None) -> tuple[dict[str, torch.Tensor], dict]:
    data = map_file(path)
    budget = Budget(4 * len(data) + SPARE_BYTES)
    call = TorchCalls(budget)
    root = read_zip(path, data, call) if kind == "zip" else read_legacy(data, call, budget)
    state, average = find_state(root)
    tensors = {key: value.read(budget) for key, value in state.items()}
    average = average.read(budget) if isinstance(average, TensorRecord) else None
    dialect = "rosinality" if is_rosinality(state) else "torch"
    return finish(tensors, average, {"source": f"{dialect} checkpoint"}, plane_axes)


def finish(tensors: dict[str, torch.Tensor], average: torch.Tensor | None, provenance: dict,
           plane_axes: str | None = None) -> tuple[dict[str, torch.Tensor], dict]:
    """Our names, and a mean latent: the file's own, or one sampled from the mapping network.

    EG3D tensors without settings get those of the released FFHQ weights, and their provenance says so.
    """
    if is_eg3d(tensors):
        rendering = RenderingConfig(**({} if plane_axes is None else {"plane_axes": plane_axes}))
        provenance = {**provenance, "assumed": "rays, box, clamps and neural resolution of EG3D-FFHQ"
                                               + (", plane axes" if plane_axes is None else "")}
        return tensors, {"config": infer_config(tensors, rendering=rendering), "provenance": provenance}
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
