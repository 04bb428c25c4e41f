"""Layers of StyleGAN2: modulated and plain convolutions (Karras et al. 2020, section 2)."""

import torch
from torch import nn

from ...ops import bias_act, conv_down, conv_same, downsample, frozen_layer, modulated_conv, modulated_rgb, upsample
from ...ops.activation import LRELU_GAIN
from ..linear import equalised_linear, init_linear


class SynthesisLayer(nn.Module):
    """Modulated 3x3 convolution, noise, bias, leaky ReLU; doubles the size if `up`."""

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, resolution: int, *, up: bool,
                 conv_clamp: float | None, operations=nn):
        super().__init__()
        self.up, self.conv_clamp = up, conv_clamp
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, 3, 3).normal_())
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.register_buffer("noise_const", torch.empty(resolution, resolution).normal_())
        self.affine = init_linear(operations.Linear(w_dim, in_channels), bias=1.0)

    def forward(self, x: torch.Tensor, w: torch.Tensor, noise: torch.Tensor | None, gain: float = 1.0) -> torch.Tensor:
        """x [B, I, H, W], w [B, w_dim], noise [1 or B, 1, H', W'] or None; returns [B, O, H', W']."""
        # Leaky ReLU commutes with a positive gain, so the gain is folded into the small factors.
        full_gain, styles = LRELU_GAIN * gain, equalised_linear(self.affine, w)
        if self._frozen(x):
            return frozen_layer(x, self.weight, styles, self.bias * full_gain, self._scaled(noise, full_gain),
                                up=self.up, gain=full_gain, clamp=self._clamp(gain))
        return self.finish(modulated_conv(x, self.weight, styles, up=self.up, gain=full_gain), noise, gain)

    def _frozen(self, x: torch.Tensor) -> bool:
        """Whether only the way to x and w is asked for, and it is worth a node of its own."""
        own = (self.weight, self.bias, self.noise_strength)
        return (torch.is_grad_enabled() and not any(parameter.requires_grad for parameter in own)
                and x.device.type == "cpu" and x.dtype == torch.float32)

    def _scaled(self, noise: torch.Tensor | None, full_gain: float) -> torch.Tensor | None:
        return None if noise is None else noise * (self.noise_strength * full_gain)

    def _clamp(self, gain: float) -> float | None:
        return None if self.conv_clamp is None else self.conv_clamp * gain

    def finish(self, x: torch.Tensor, noise: torch.Tensor | None, gain: float = 1.0) -> torch.Tensor:
        """What follows the convolution, whose output x has the gains already; it may be overwritten."""
        full_gain = LRELU_GAIN * gain
        if noise is not None:
            noise = self._scaled(noise, full_gain).to(x.dtype)
            x = x + noise if torch.is_grad_enabled() else x.add_(noise)
        return bias_act(x, self.bias * full_gain, gain=1.0, clamp=self._clamp(gain))


class ToRGB(nn.Module):
    """1x1 modulated convolution to image channels, without demodulation and activation."""

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, *, conv_clamp: float | None, operations=nn):
        super().__init__()
        self.conv_clamp = conv_clamp
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, 1, 1).normal_())
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.affine = init_linear(operations.Linear(w_dim, in_channels), bias=1.0)

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """x [B, I, H, W], w [B, w_dim]; returns [B, O, H, W] in the dtype of x."""
        styles = equalised_linear(self.affine, w) * (x.shape[1] ** -0.5)
        return bias_act(modulated_rgb(x, self.weight, styles), self.bias, activate=False, clamp=self.conv_clamp)


class PlainConv(nn.Module):
    """Equalised convolution with optional bias + activation and resampling ("same", "up" or "down")."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, *, bias: bool = True,
                 activate: bool = True, resample: str = "same", conv_clamp: float | None = None):
        super().__init__()
        self.activate, self.resample, self.conv_clamp = activate, resample, conv_clamp
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size).normal_())
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None

    def forward(self, x: torch.Tensor, gain: float = 1.0) -> torch.Tensor:
        """x [B, I, H, W]; returns [B, O, ...] at the same, twice or half the size."""
        full_gain = gain * (LRELU_GAIN if self.activate else 1.0)
        weight = self.weight * (full_gain * self.weight[0].numel() ** -0.5)
        if self.resample == "up":
            x = upsample(conv_same(x, weight))
        elif self.resample == "down":
            x = conv_down(x, weight) if weight.shape[-1] == 3 else conv_same(downsample(x), weight)
        else:
            x = conv_same(x, weight)
        bias = None if self.bias is None else self.bias * full_gain
        clamp = None if self.conv_clamp is None else self.conv_clamp * gain
        return bias_act(x, bias, activate=self.activate, gain=1.0, clamp=clamp)
