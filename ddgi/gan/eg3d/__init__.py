"""EG3D: tri-plane generators that are rendered from any camera."""

from .config import EG3DConfig, RenderingConfig
from .generator import EG3DGenerator

__all__ = ["EG3DConfig", "EG3DGenerator", "RenderingConfig"]
