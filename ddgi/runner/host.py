"""Find ComfyUI, import it into this process, and load the pack the way ComfyUI does."""

import importlib
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
    importlib.import_module("nodes")
    return path


def _order_paths(host: Path) -> None:
    """ComfyUI first, the pack's root last: both have a top-level `nodes`, and ComfyUI's must win."""
    keep = [entry for entry in sys.path if Path(entry or os.getcwd()).resolve() not in (PACK_ROOT, host)]
    sys.path[:] = [str(host), *keep, str(PACK_ROOT)]


def load_pack() -> ModuleType:
    """The pack as a module named by its path, as ComfyUI loads it; `import_host` must have run.

    Its `ddgi`, `host` and `nodes` are the copies to use together with host objects: classes of a second
    copy, imported under another name, would not be the same classes.
    """
    name = str(PACK_ROOT).replace(".", "_x_")
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, PACK_ROOT / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        module.nodes.node_classes()
    except BaseException:
        del sys.modules[name]
        raise
    return module


def pack_module(path: str) -> ModuleType:
    """A submodule of the loaded pack, for example `pack_module("ddgi.demo")`; imports the host if needed."""
    import_host()
    return importlib.import_module(f"{load_pack().__name__}.{path}")
