"""Generators of full size with random weights, the same at every call."""

from collections.abc import Callable

from ..gan import EG3DConfig, EG3DGenerator, Generator, StyleGAN2Config, StyleGAN2Generator
from ..gan.stylegan3 import StyleGAN3Config

EG3D_CONFIGS = {
    # The sizes of NVIDIA's FFHQ-512 file, 30.7 M parameters.
    "ffhq": EG3DConfig(StyleGAN2Config(c_dim=25, img_resolution=256, img_channels=96, num_mapping_layers=2)),
    "small": EG3DConfig(
        StyleGAN2Config(z_dim=64, c_dim=25, w_dim=128, img_resolution=64, img_channels=48, channel_base=2048,
                        channel_max=128, num_mapping_layers=2),
        img_resolution=64, neural_rendering_resolution=32, feature_channels=16, decoder_width=32, sr_kind="2X",
        sr_input_resolution=32, sr_channels=(64, 32)),
}
# The sizes of NVIDIA's StyleGAN3 files of 256 px, 23.3 M and 15.8 M parameters.
STYLEGAN3_CONFIGS = {
    "t": StyleGAN3Config(img_resolution=256, channel_base=16384),
    "r": StyleGAN3Config(img_resolution=256, channel_max=1024, conv_kernel=1, use_radial_filters=True)}
# StyleGAN2 with the sizes of FFHQ-1024, 30.4 M parameters.
GENERATORS: dict[str, Callable[[], Generator]] = {
    "stylegan2": lambda: StyleGAN2Generator.untrained(StyleGAN2Config()),
    "eg3d": lambda: EG3DGenerator.untrained(EG3D_CONFIGS["ffhq"])}
