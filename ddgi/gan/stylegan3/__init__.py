"""StyleGAN3: alias-free generators whose pictures can be moved and turned."""

from .config import StyleGAN3Config
from .generator import StyleGAN3Generator

__all__ = ["StyleGAN3Config", "StyleGAN3Generator"]
