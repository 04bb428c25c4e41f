"""Diffusion-driven GAN inversion as a library: tensors, paths and callables, no host objects.

The names below are loaded on first use, so that `import ddgi` and `--help` stay instant.
"""

import importlib

_HOMES = {
    "InputError": "errors",
    "Generator": "gan",
    "GanLatent": "gan",
    "StyleGAN2Config": "gan",
    "EG3DConfig": "gan",
    "EG3DGenerator": "gan",
    "DiffusionFeatures": "features",
    "FeatureLayout": "features",
    "Bridge": "bridge",
    "load_bridge": "bridge",
    "load_generator": "checkpoints",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
