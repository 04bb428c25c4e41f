"""The ComfyUI layer: every node is schema, resolve, call, convert; numerics live in `ddgi`."""

import importlib
import pkgutil

from comfy_api.latest import ComfyExtension, io

from ..host import folders


def node_classes() -> list[type[io.ComfyNode]]:
    """The `NODES` of every module in this folder, in the order of the module names.

    The model folders are registered first: drop-downs list their files.
    """
    folders.register()
    names = sorted(info.name for info in pkgutil.iter_modules(__path__) if info.name != "types")
    modules = [importlib.import_module(f".{name}", __name__) for name in names]
    return [node for module in modules for node in module.NODES]


class DDGIExtension(ComfyExtension):
    """The pack as ComfyUI sees it."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return node_classes()


__all__ = ["DDGIExtension", "node_classes"]
