"""Generators: the families of `FAMILIES` behind one abstract `Generator`, and their latents.

Networks are modules of their families' folders, which are read when a generator is built.
"""

from .eg3d import EG3DConfig, EG3DGenerator, RenderingConfig
from .families import FAMILIES, all_options, family_of, labels
from .generator import Generator
from .latent import GanLatent
from .mapping import truncate
from .options import Option, chosen
from .output import RenderOutput
from .stylegan2 import StyleGAN2Config, StyleGAN2Generator
from .volume import VolumeGenerator

__all__ = ["FAMILIES", "EG3DConfig", "EG3DGenerator", "GanLatent", "Generator", "Option", "RenderOutput",
           "RenderingConfig", "StyleGAN2Config", "StyleGAN2Generator", "VolumeGenerator", "all_options", "chosen",
           "family_of", "labels", "truncate"]
