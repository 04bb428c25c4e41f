"""The ComfyUI layer: every node is schema, resolve, call, convert; numerics live in `ddgi`."""

import importlib
import logging
import pkgutil

from comfy_api.latest import ComfyExtension, io

from ..ddgi.errors import first_line
from ..host import folders


def node_classes() -> list[type[io.ComfyNode]]:
    """The `NODES` of every module in this folder, in the order of the module names.

    The model folders are registered first: drop-downs list their files. A module that cannot be used is left out, with
    one line in the log, so that the others still work.
    """
    folders.register()
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    return [node for name in names for node in _nodes_of(name)]


def _nodes_of(name: str) -> list[type[io.ComfyNode]]:
    try:
        nodes = importlib.import_module(f".{name}", __name__).NODES
        for node in nodes:
            node.GET_SCHEMA()
    except Exception as error:
        logging.error("DDGI: the nodes of nodes/%s.py are left out (%s: %s)", name, type(error).__name__,
                      first_line(error))
        logging.debug("Why nodes/%s.py cannot be used:", name, exc_info=True)
        return []
    return nodes


class DDGIExtension(ComfyExtension):
    """The pack as ComfyUI sees it."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        from ..host import routes

        routes.register()
        return node_classes()


__all__ = ["DDGIExtension", "node_classes"]
