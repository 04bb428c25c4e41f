"""Find ComfyUI, import it into this process, and load the pack the way ComfyUI does."""

import importlib
import importlib.abc
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from ..errors import InputError

PACK_ROOT = Path(__file__).resolve().parents[2]


def find_host() -> Path:
    """The ComfyUI folder: $COMFYUI_PATH, else .host/ComfyUI, else the ComfyUI whose custom_nodes holds this pack.

    Raises:
        InputError: none of the three is a ComfyUI folder.
    """
    named = os.environ.get("COMFYUI_PATH")
    if named:
        path = Path(named).expanduser().resolve()
        if (path / "comfy" / "sd.py").is_file():
            return path
        raise InputError(f"COMFYUI_PATH is {named!r}, which is not a ComfyUI folder; "
                         f"set it to the folder that holds ComfyUI's main.py.")
    for path in (PACK_ROOT / ".host" / "ComfyUI", PACK_ROOT.parent.parent):
        if (path / "comfy" / "sd.py").is_file():
            return path
    raise InputError("ComfyUI was not found; run `make setup` once, or set COMFYUI_PATH to your ComfyUI folder.")


def import_host(base_directory: str | Path | None = None, *, cpu: bool | None = None) -> Path:
    """Put ComfyUI first on `sys.path` and import its core; calling it again does nothing.

    Args:
        base_directory: where ComfyUI looks for models, input, output and temp; its own folder by default.
        cpu: True forces the CPU; None uses the CPU only where torch has no accelerator.

    Returns:
        The ComfyUI folder.
    """
    path = find_host()
    if "comfy.model_management" in sys.modules:
        return path
    _order_paths(path)

    import torch
    from comfy.cli_args import args

    has_device = torch.cuda.is_available() or torch.backends.mps.is_available()
    args.cpu = (not has_device) if cpu is None else cpu
    # Only main.py can start the dynamic VRAM allocator; the estimate-based loader works everywhere.
    args.disable_dynamic_vram = True
    if base_directory is not None:
        args.base_directory = str(base_directory)
    import nodes  # noqa: F401

    return path


def is_busy() -> bool:
    """Whether others compute on this machine: threads that wait for each other then stall by a factor of ten."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > 0.5 * (os.cpu_count() or 1)


def free_threads() -> int:
    """How many threads a process should compute with: torch's choice, 1 on a busy machine."""
    import torch

    return 1 if is_busy() else torch.get_num_threads()


def _order_paths(host: Path) -> None:
    """ComfyUI first, the pack's root last: both have a top-level `nodes`, and ComfyUI's must win."""
    keep = [entry for entry in sys.path if Path(entry or os.getcwd()).resolve() not in (PACK_ROOT, host)]
    sys.path[:] = [str(host), *keep, str(PACK_ROOT)]


def load_pack() -> ModuleType:
    """The pack as a module named by its path, as ComfyUI loads it; `import_host` must have run.

    Its `ddgi` is this very library, so that one process holds one copy of every class.
    """
    name = str(PACK_ROOT).replace(".", "_x_")
    if name in sys.modules:
        return sys.modules[name]
    shared = _SharedLibrary(name)
    sys.meta_path.insert(0, shared)
    spec = importlib.util.spec_from_file_location(name, PACK_ROOT / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        sys.meta_path.remove(shared)
        raise
    return module


def host_commands(*, cpu: bool | None = None) -> ModuleType:
    """`host.commands` of the pack, with ComfyUI imported for it; see `import_host` for `cpu`."""
    import_host(cpu=cpu)
    return importlib.import_module(f"{load_pack().__name__}.host.commands")


class _SharedLibrary(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers the pack's imports of its `ddgi` with the modules of the `ddgi` that runs.

    ComfyUI imports the pack under the name of its path, and `python -m ddgi` the library under its own: without this
    there would be every class twice.
    """

    def __init__(self, pack: str):
        self._prefix = f"{pack}."
        self._library = __package__.removesuffix(".runner")

    def find_spec(self, name: str, path=None, target=None):
        inner = name.removeprefix(self._prefix)
        ours = inner != name and inner.split(".")[0] == self._library
        return importlib.util.spec_from_loader(name, self) if ours else None

    def exec_module(self, module: ModuleType) -> None:
        """Put the library's module in the place of the new, empty one: the import system then hands that out."""
        name = module.__name__
        sys.modules[name] = importlib.import_module(name.removeprefix(self._prefix))
