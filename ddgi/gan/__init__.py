"""Generators: the families of `FAMILIES` behind one abstract `Generator`, their latents, StyleGAN2's discriminator."""

from .eg3d import EG3D, EG3DConfig, EG3DGenerator, RenderingConfig
from .families import FAMILIES, all_options, family_of, labels
from .generator import Generator
from .latent import GanLatent
from .mapping import truncate
from .options import Option, chosen
from .output import RenderOutput
from .stylegan2 import Discriminator, StyleGAN2, StyleGAN2Config, StyleGAN2Generator
from .volume import VolumeGenerator

__all__ = ["EG3D", "FAMILIES", "Discriminator", "EG3DConfig", "EG3DGenerator", "GanLatent", "Generator", "Option",
           "RenderOutput", "RenderingConfig", "StyleGAN2", "StyleGAN2Config", "StyleGAN2Generator", "VolumeGenerator",
           "all_options", "chosen", "family_of", "labels", "truncate"]
