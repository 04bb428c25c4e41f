"""StyleGAN2: generators of flat pictures, and the discriminator that trains them."""

from .config import StyleGAN2Config
from .generator import StyleGAN2Generator

__all__ = ["StyleGAN2Config", "StyleGAN2Generator"]
