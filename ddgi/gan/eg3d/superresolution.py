"""From the rendered feature image to the finished picture (Chan et al. 2022, section 4.3)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from ...ops import upsample
from ..stylegan2.layers import SynthesisLayer, ToRGB
from ..stylegan2.strips import block_in_strips, fits
from ..stylegan2.synthesis import NoiseSource, noise_source
from .config import EG3DConfig


class SuperResolutionBlock(nn.Module):
    """Two modulated convolutions and the picture branch; the first convolution doubles the size if `up`."""

    def __init__(self, in_channels: int, channels: int, w_dim: int, resolution: int, *, up: bool,
                 conv_clamp: float | None, operations=nn):
        super().__init__()
        self.up = up
        shared = {"conv_clamp": conv_clamp, "operations": operations}
        self.conv0 = SynthesisLayer(in_channels, channels, w_dim, resolution, up=up, **shared)
        self.conv1 = SynthesisLayer(channels, channels, w_dim, resolution, up=False, **shared)
        self.torgb = ToRGB(channels, 3, w_dim, **shared)

    def forward(self, x: torch.Tensor, img: torch.Tensor, w: torch.Tensor, noise: NoiseSource,
                dtype: torch.dtype, needs_x: bool = True) -> tuple[torch.Tensor | None, torch.Tensor]:
        """x [B, I, H, W], img [B, 3, H, W], w [B, w_dim]; both come back at the block's resolution.

        Without `needs_x` the x that comes back may be None.
        """
        size, x = self.conv0.noise_const.shape[0], x.to(dtype)
        noises = noise(self.conv0, w, size), noise(self.conv1, w, size)
        if fits(self.conv1, x, size):
            ws = w[:, None].expand(-1, 3, -1)
            x, rgb = block_in_strips((self.conv0, self.conv1, self.torgb), x, ws, noises, size, needs_x)
        else:
            x = self.conv1(self.conv0(x, w, noises[0]), w, noises[1])
            rgb = self.torgb(x, w)
        return x, (upsample(img) if self.up else img) + rgb.float()


class SuperResolution(nn.Module):
    """Both blocks; every layer is driven by the last w."""

    def __init__(self, config: EG3DConfig, operations=nn):
        super().__init__()
        self.config = config
        first, second = config.sr_channels
        last = config.img_resolution
        shared = {"conv_clamp": config.sr_conv_clamp, "operations": operations}
        doubles = config.sr_kind == "8X"
        self.block0 = SuperResolutionBlock(config.feature_channels, first, config.w_dim, last // 2, up=doubles,
                                           **shared)
        self.block1 = SuperResolutionBlock(first, second, config.w_dim, last, up=True, **shared)

    def forward(self, feature: torch.Tensor, ws: torch.Tensor, noise_mode: str = "none",
                seed: int | Sequence[int] | None = None, dtype: torch.dtype | None = None) -> torch.Tensor:
        """Feature image [B, C, h, h], whose first 3 channels are the raw picture, to [B, 3, R, R].

        `noise_mode` is "none" in EG3D; dtype fp16 or bf16 runs the convolutions in it, None is fp32.
        """
        feature = self._resize(feature)
        noise, w = noise_source(noise_mode, seed, None, len(ws)), ws[:, -1].float()
        x, img = feature.contiguous(memory_format=torch.channels_last), feature[:, :3]
        for block in (self.block0, self.block1):
            x, img = block(x, img, w, noise, dtype or torch.float32, needs_x=block is self.block0)
        return img.contiguous()

    def _resize(self, feature: torch.Tensor) -> torch.Tensor:
        size, needed = feature.shape[-1], self.config.sr_input_resolution
        if size == needed or (self.config.sr_kind == "4X" and size > needed):
            return feature
        return F.interpolate(feature, (needed, needed), mode="bilinear", align_corners=False,
                             antialias=self.config.sr_antialias)
