"""Which ComfyUI this is, and whether it has what the nodes need. It is read before anything else of ComfyUI."""

import re

LEAST = "0.24.1"     # the oldest on which every node and example workflow was run; `requires-comfyui` says it too


def too_old() -> str:
    """One sentence where this ComfyUI is older than `LEAST`, else nothing."""
    try:
        from comfyui_version import __version__ as here
    except ImportError:
        here = "0.3 or older"    # versions began to carry their number then
    if _numbers(here) >= _numbers(LEAST):
        return ""
    return f"DDGI needs ComfyUI {LEAST} or newer and this is {here}; update ComfyUI, then its nodes appear."


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
