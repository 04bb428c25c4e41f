"""What a file is, for people and for programs."""

import math
from pathlib import Path

from safetensors import safe_open

from ..gan import FORMAT
from .reading import describe_metadata, file_kind, load_generator, refusing

CONTAINERS = {"safetensors": "safetensors", "pickle": "NVIDIA pickle", "zip": "torch.save (zip)",
              "legacy": "torch.save (legacy)"}


def inspect_file(path: str | Path) -> dict:
    """Facts about a generator, bridge, latent or other safetensors file.

    Returns:
        A dict for JSON: "file", "bytes", "container", "format", "kind", "parameters", "provenance"; for generators
        also "architecture", "resolution", "num_ws", "z_dim", "w_dim", "c_dim", "conv_clamp", "channels" and
        "fingerprint"; for other files of this pack their "config".

    Raises:
        InputError: missing, damaged, hostile, or of a kind that is not read.
    """
    path = Path(path)
    kind = file_kind(path)
    facts = {"file": path.name, "bytes": path.stat().st_size, "container": CONTAINERS[kind]}
    found = None
    if kind == "safetensors":
        metadata = describe_metadata(path)
        found = metadata.get("format")
        if found not in (FORMAT, None, "pt"):
            return facts | _tensor_facts(path) | {"format": found, "kind": str(found).rpartition(".")[2],
                                                  "config": metadata["config"], "provenance": metadata["provenance"]}
    facts |= _generator_facts(path)
    return facts | {"format": FORMAT if found == FORMAT else facts["provenance"]["source"]}


def _tensor_facts(path: Path) -> dict:
    with refusing(path), safe_open(path, "pt") as file:
        names = list(file.keys())
        return {"tensors": len(names), "parameters": sum(math.prod(file.get_slice(name).get_shape()) for name in names)}


def _generator_facts(path: Path) -> dict:
    generator = load_generator(path)
    config = generator.config
    return {
        "kind": "generator", "name": generator.name, "architecture": config.architecture,
        "resolution": config.img_resolution, "num_ws": config.num_ws, "z_dim": config.z_dim, "w_dim": config.w_dim,
        "c_dim": config.c_dim, "conv_clamp": config.conv_clamp, "mapping_layers": config.num_mapping_layers,
        "channels": {str(r): config.channels_at(r) for r in config.block_resolutions},
        "parameters": sum(value.numel() for value in generator.module.parameters()),
        "provenance": generator.provenance, "fingerprint": generator.fingerprint,
    }
