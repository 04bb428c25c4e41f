"""Residual discriminator of StyleGAN2 (Karras 2020, figure 7c) for adversarial training and fine-tuning."""

import torch
from einops import rearrange, repeat
from torch import nn

from ...errors import InputError
from ...ops import bias_act, normalize_2nd_moment
from ..linear import equalised_linear, init_linear
from ..mapping import LR_MUL
from .config import StyleGAN2Config
from .layers import PlainConv


def minibatch_std(x: torch.Tensor, group_size: int = 4) -> torch.Tensor:
    """Append one channel with the standard deviation across groups of samples (Karras 2018, section 3).

    [B, C, H, W] to [B, C + 1, H, W]; the group shrinks to the largest divisor of the batch.
    """
    batch, _, height, width = x.shape
    group = next(size for size in range(min(group_size, batch), 0, -1) if batch % size == 0)
    y = rearrange(x.float(), "(group b) c h w -> group b c h w", group=group)
    y = y - y.mean(dim=0)
    y = (y.square().mean(dim=0) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    y = repeat(y, "b -> (group b) 1 h w", group=group, h=height, w=width)
    return torch.cat([x, y.to(x.dtype)], dim=1)


class LabelMapping(nn.Module):
    """Label [B, c_dim] to a normalised projection vector [B, features]; embedding, then activated layers."""

    def __init__(self, c_dim: int, features: int, num_layers: int, operations=nn):
        super().__init__()
        self.num_layers = num_layers
        self.embed = init_linear(operations.Linear(c_dim, features))
        for index in range(num_layers):
            setattr(self, f"fc{index}", init_linear(operations.Linear(features, features), lr_mul=LR_MUL))

    def forward(self, c: torch.Tensor) -> torch.Tensor:
        """[B, c_dim] to [B, features]."""
        x = normalize_2nd_moment(equalised_linear(self.embed, c.float()))
        for index in range(self.num_layers):
            x = bias_act(equalised_linear(getattr(self, f"fc{index}"), x, LR_MUL))
        return x


class DiscriminatorBlock(nn.Module):
    """Halve the size: 3x3 convolution, 3x3 down convolution, plus a 1x1 down shortcut."""

    def __init__(self, config: StyleGAN2Config, resolution: int):
        super().__init__()
        here, below = config.channels_at(resolution), config.channels_at(resolution // 2)
        if resolution == config.img_resolution:
            self.fromrgb = PlainConv(config.img_channels, here, 1, conv_clamp=config.conv_clamp)
        self.conv0 = PlainConv(here, here, 3, conv_clamp=config.conv_clamp)
        self.conv1 = PlainConv(here, below, 3, resample="down", conv_clamp=config.conv_clamp)
        self.skip = PlainConv(here, below, 1, bias=False, activate=False, resample="down")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, C, R, R] (or the picture at the first block) to [B, C', R/2, R/2]."""
        if hasattr(self, "fromrgb"):
            x = self.fromrgb(x)
        gain = 0.5 ** 0.5
        return self.skip(x, gain=gain) + self.conv1(self.conv0(x), gain=gain)


class DiscriminatorEpilogue(nn.Module):
    """4 px features to one number, or to `out_features` numbers that are projected on the label."""

    def __init__(self, config: StyleGAN2Config, out_features: int, operations=nn):
        super().__init__()
        channels = config.channels_at(4)
        self.conv = PlainConv(channels + 1, channels, 3, conv_clamp=config.conv_clamp)
        self.fc = init_linear(operations.Linear(channels * 16, channels))
        self.out = init_linear(operations.Linear(channels, out_features))

    def forward(self, x: torch.Tensor, projection: torch.Tensor | None) -> torch.Tensor:
        """[B, C, 4, 4] to [B, 1]."""
        x = self.conv(minibatch_std(x)).float()
        x = equalised_linear(self.out, bias_act(equalised_linear(self.fc, rearrange(x, "b c h w -> b (c h w)"))))
        if projection is not None:
            x = (x * projection).sum(dim=1, keepdim=True) * projection.shape[1] ** -0.5
        return x


class Discriminator(nn.Module):
    """Picture (and label) to a realness score; every operation can be differentiated twice (R1 penalty).

    Reads `img_resolution`, `img_channels`, the channel counts, `c_dim` and `conv_clamp` of a generator config;
    parameter names are those of the public checkpoints.
    """

    def __init__(self, config: StyleGAN2Config, num_mapping_layers: int = 8, operations=nn):
        super().__init__()
        self.config = config
        features = config.channels_at(4)
        for resolution in config.block_resolutions[:0:-1]:
            setattr(self, f"b{resolution}", DiscriminatorBlock(config, resolution))
        self.b4 = DiscriminatorEpilogue(config, features if config.c_dim else 1, operations)
        if config.c_dim:
            self.mapping = LabelMapping(config.c_dim, features, num_mapping_layers, operations)

    def forward(self, img: torch.Tensor, c: torch.Tensor | None = None) -> torch.Tensor:
        """img [B, img_channels, R, R] in about -1 to 1, c [B, c_dim] or None; returns logits [B, 1].

        Raises:
            InputError: the picture has another size or the label is missing.
        """
        config = self.config
        expected = (config.img_channels, config.img_resolution, config.img_resolution)
        if img.ndim != 4 or tuple(img.shape[1:]) != expected:
            raise InputError(f"The discriminator got pictures of shape {tuple(img.shape)} but needs [batch, "
                             f"{', '.join(map(str, expected))}]; resize them.")
        if config.c_dim and c is None:
            raise InputError(f"The label c is missing; this conditional discriminator needs "
                             f"[{img.shape[0]}, {config.c_dim}].")
        x = img.contiguous(memory_format=torch.channels_last)
        for resolution in config.block_resolutions[:0:-1]:
            x = getattr(self, f"b{resolution}")(x)
        return self.b4(x, self.mapping(c) if config.c_dim else None)
