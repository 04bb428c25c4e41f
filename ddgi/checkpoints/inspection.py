"""What a file is, for people and for programs."""

import dataclasses
import math
from pathlib import Path

from safetensors import safe_open

from ..gan import FORMAT, Generator
from ..gan.eg3d import FORMAT as EG3D_FORMAT
from .reading import describe_metadata, file_kind, load_generator, refusing

CONTAINERS = {"safetensors": "safetensors", "pickle": "NVIDIA pickle", "zip": "torch.save (zip)",
              "legacy": "torch.save (legacy)"}


def inspect_file(path: str | Path) -> dict:
    """Facts about a generator, bridge, latent or other safetensors file.

    Returns:
        A dict for JSON: "file", "bytes", "container", "format", "kind", "parameters", "provenance"; for generators
        also "architecture", "resolution", "num_ws", "z_dim", "w_dim", "c_dim", "conv_clamp", "channels" and
        "fingerprint", and for EG3D "plane_resolution", "plane_channels", "neural_rendering_resolution",
        "super_resolution" and "rendering"; for other files of this pack their "config".

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
        if found not in (FORMAT, EG3D_FORMAT, None, "pt"):
            return facts | _tensor_facts(path) | {"format": found, "kind": str(found).rpartition(".")[2],
                                                  "config": metadata["config"], "provenance": metadata["provenance"]}
    facts |= _generator_facts(path)
    return facts | {"format": found if found in (FORMAT, EG3D_FORMAT) else facts["provenance"]["source"]}


def _tensor_facts(path: Path) -> dict:
    with refusing(path), safe_open(path, "pt") as file:
        names = list(file.keys())
        return {"tensors": len(names), "parameters": sum(math.prod(file.get_slice(name).get_shape()) for name in names)}


def _generator_facts(path: Path) -> dict:
    generator = load_generator(path)
    config = generator.config
    backbone = config.backbone if generator.is_3d else config
    return {
        "kind": "generator", "name": generator.name,
        "architecture": "eg3d" if generator.is_3d else config.architecture,
        "resolution": config.img_resolution, "num_ws": config.num_ws, "z_dim": config.z_dim, "w_dim": config.w_dim,
        "c_dim": config.c_dim, "conv_clamp": backbone.conv_clamp, "mapping_layers": backbone.num_mapping_layers,
        "channels": {str(r): backbone.channels_at(r) for r in backbone.block_resolutions},
        **(_eg3d_facts(generator) if generator.is_3d else {}),
        "parameters": sum(value.numel() for value in generator.module.parameters()),
        "provenance": generator.provenance, "fingerprint": generator.fingerprint,
    }


def _eg3d_facts(generator: Generator) -> dict:
    config = generator.config
    return {
        "plane_resolution": config.backbone.img_resolution, "plane_channels": config.feature_channels,
        "neural_rendering_resolution": config.neural_rendering_resolution,
        "super_resolution": {"kind": config.sr_kind, "input_resolution": config.sr_input_resolution,
                             "channels": list(config.sr_channels), "antialias": config.sr_antialias,
                             "conv_clamp": config.sr_conv_clamp},
        "rendering": dataclasses.asdict(config.rendering),
    }
