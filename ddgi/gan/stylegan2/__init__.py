"""StyleGAN2: generators of flat pictures, and the discriminator that trains them."""

from .config import StyleGAN2Config
from .discriminator import Discriminator
from .generator import StyleGAN2Generator
from .network import StyleGAN2

__all__ = ["Discriminator", "StyleGAN2", "StyleGAN2Config", "StyleGAN2Generator"]
