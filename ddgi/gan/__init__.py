"""Generators: StyleGAN2 and the wrapper that the nodes and commands use."""

from .config import StyleGAN2Config
from .stylegan2 import StyleGAN2

__all__ = ["StyleGAN2", "StyleGAN2Config"]
