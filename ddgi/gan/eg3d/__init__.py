"""EG3D: tri-plane generators that are rendered from any camera."""

from .config import EG3DConfig, RenderingConfig
from .generator import EG3DGenerator
from .network import EG3D

__all__ = ["EG3D", "EG3DConfig", "EG3DGenerator", "RenderingConfig"]
