"""Generators: StyleGAN2, its discriminator, and the wrapper that the nodes and commands use."""

from .config import StyleGAN2Config
from .discriminator import Discriminator
from .generator import FORMAT, Generator, RenderOutput
from .latent import GanLatent
from .stylegan2 import StyleGAN2

__all__ = ["FORMAT", "Discriminator", "GanLatent", "Generator", "RenderOutput", "StyleGAN2", "StyleGAN2Config"]
