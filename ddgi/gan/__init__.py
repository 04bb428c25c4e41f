"""Generators: StyleGAN2, EG3D, StyleGAN2's discriminator, and the wrappers that the nodes and commands use."""

from .config import StyleGAN2Config
from .discriminator import Discriminator
from .eg3d import EG3D, EG3DConfig, EG3DGenerator, RenderingConfig
from .generator import FORMAT, Generator
from .latent import GanLatent
from .output import RenderOutput
from .stylegan2 import StyleGAN2

__all__ = ["EG3D", "FORMAT", "Discriminator", "EG3DConfig", "EG3DGenerator", "GanLatent", "Generator", "RenderOutput",
           "RenderingConfig", "StyleGAN2", "StyleGAN2Config"]
