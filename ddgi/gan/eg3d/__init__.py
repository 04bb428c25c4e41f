"""EG3D: tri-plane generators that are rendered from any camera."""

from .config import EG3DConfig, RenderingConfig
from .generator import FORMAT, EG3DGenerator
from .module import EG3D

__all__ = ["EG3D", "FORMAT", "EG3DConfig", "EG3DGenerator", "RenderingConfig"]
