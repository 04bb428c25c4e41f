"""What does not belong together in a graph, found before the sampler runs.

A node that samples knows its model, and the graph says which bridge will read its features and which generators
will draw what the bridge makes. Where these come straight from loaders, they are compared here; everywhere
else the nodes themselves compare what they are given, later.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nodes as core_nodes

from ..ddgi.bridge import BridgeConfig, read_config
from ..ddgi.errors import InputError
from ..ddgi.features import FeatureLayout
from ..ddgi.gan import Generator
from . import folders
from .managed import loaded_generator

TO_BRIDGES = {"DDGI_TAP", "DDGI_FEATURES"}
TO_GENERATORS = {"DDGI_LATENT"}


def check_graph(graph: dict | None, node_id: str | None, layout: FeatureLayout) -> None:
    """Refuse bridges below node `node_id` that do not read `layout`, or whose latents go to another generator.

    graph: the prompt in API form, None outside the host's executor.
    Raises InputError with the node in question and the sentence that it would give after the sampling run.
    """
    if not graph or node_id not in graph:
        return
    for reader in _reached(graph, node_id, TO_BRIDGES, "bridge"):
        config = _bridge(graph, graph[reader]["inputs"]["bridge"])
        if config is None:
            continue
        with _named(reader):
            config.check_layout(layout)
        for user in _reached(graph, reader, TO_GENERATORS, "generator"):
            inputs = graph[user]["inputs"]
            generator = _generator(graph, inputs["generator"])
            if generator is not None:
                with _named(user):
                    config.check_generator(generator, relative=inputs.get("allow_relative") is True)


@contextmanager
def _named(node_id: str) -> Iterator[None]:
    """Sentences begin with the node that they are about, as the host shows them on the one that samples."""
    try:
        yield
    except InputError as error:
        raise InputError(f"Nothing was sampled, because node {node_id} could not go on from it. {error}") from error


def _reached(graph: dict, start: str, sockets: set[str], needed: str) -> Iterator[str]:
    """Nodes with the linked input `needed` that values of these sockets reach from `start`; none is passed through."""
    seen, waiting = {start}, [start]
    while waiting:
        source = waiting.pop()
        for node_id, node in graph.items():
            links = [value for value in node["inputs"].values() if _is_link(value)]
            if node_id in seen or not any(link[0] == source and _socket(graph, link) in sockets for link in links):
                continue
            seen.add(node_id)
            if _is_link(node["inputs"].get(needed)):
                yield node_id
            else:
                waiting.append(node_id)


def _is_link(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)


def _socket(graph: dict, link: list) -> str | None:
    """Type of the output that a link begins at."""
    kind = core_nodes.NODE_CLASS_MAPPINGS.get(graph.get(link[0], {}).get("class_type"))
    types = getattr(kind, "RETURN_TYPES", ())
    return str(types[link[1]]) if link[1] < len(types) else None


def _bridge(graph: dict, link: list) -> BridgeConfig | None:
    """The config of the bridge that a loader will give, None where the graph does not say or the file is broken."""
    path = _file(graph, link, "DDGILoadBridge", folders.BRIDGES, "bridge_name", 1)
    try:
        return read_config(path) if path else None
    except InputError:  # its loader will say so
        return None


def _generator(graph: dict, link: list) -> Generator | None:
    """The generator that a loader has given, None where the graph does not say or it is not loaded yet."""
    path = _file(graph, link, "DDGILoadGenerator", folders.GENERATORS, "generator_name", 0)
    return loaded_generator(path) if path else None


def _file(graph: dict, link: list, loader: str, folder: str, widget: str, demo_part: int) -> Path | None:
    """The file behind an output of a loader; demo_part: which file of the demo loader's pair."""
    node = graph.get(link[0], {})
    if node.get("class_type") == "DDGILoadDemoModels":
        pair = folders.DEMO_KINDS.get(node["inputs"].get("kind", next(iter(folders.DEMO_KINDS))))
        return folders.DEMO / pair[demo_part] if pair else None
    name = node.get("inputs", {}).get(widget)
    if node.get("class_type") != loader or not isinstance(name, str):
        return None
    try:
        return folders.file_path(folder, name)
    except InputError:
        return None
