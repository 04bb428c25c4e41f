"""Diffusion-driven GAN inversion as a library: tensors, paths and callables, no host objects.

The names below are loaded on first use, so that `import ddgi` and `--help` stay instant.
"""

from .errors import InputError  # noqa: F401

_BRIDGE = ("Bridge", "load_bridge")
_CHECKPOINTS = ("load_generator",)
_FEATURES = ("DiffusionFeatures", "FeatureLayout")
_GAN = ("EG3DConfig", "EG3DGenerator", "GanLatent", "Generator", "StyleGAN2Config")

__all__ = sorted(("InputError", *_BRIDGE, *_CHECKPOINTS, *_FEATURES, *_GAN))


def __getattr__(name: str):
    if name in _BRIDGE:
        from . import bridge as home
    elif name in _CHECKPOINTS:
        from . import checkpoints as home
    elif name in _FEATURES:
        from . import features as home
    elif name in _GAN:
        from . import gan as home
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(home, name)
