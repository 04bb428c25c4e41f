"""What a file is, for people and for programs."""

import math
from pathlib import Path

from ..native import read_head, read_metadata
from .reading import FORMATS, file_kind, load_generator

CONTAINERS = {"safetensors": "safetensors", "pickle": "pickle", "zip": "torch.save (zip)",
              "legacy": "torch.save (legacy)"}


def inspect_file(path: str | Path) -> dict:
    """Facts about a generator, bridge, latent or other safetensors file.

    Returns:
        A dict for JSON: "file", "bytes", "container", "format", "kind", "parameters", "provenance"; for generators
        what `Generator.facts` tells of its family; for other files of this pack their "config".

    Raises:
        InputError: missing, damaged, hostile, or of a kind that is not read.
    """
    path = Path(path)
    kind = file_kind(path)
    facts = {"file": path.name, "bytes": path.stat().st_size, "container": CONTAINERS[kind]}
    found = None
    if kind == "safetensors":
        metadata = read_metadata(path)
        found = metadata.get("format")
        if found not in (*FORMATS, None, "pt"):
            return facts | _tensor_facts(path) | {"format": found, "kind": found.rpartition(".")[2],
                                                  "config": metadata["config"], "provenance": metadata["provenance"]}
    facts |= load_generator(path).facts()
    return facts | {"format": found if found in FORMATS else facts["provenance"]["source"]}


def _tensor_facts(path: Path) -> dict:
    tensors = read_head(path).tensors
    return {"tensors": len(tensors), "parameters": sum(math.prod(tensor.shape) for tensor in tensors.values())}
