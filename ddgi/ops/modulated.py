"""Modulated convolution (Karras 2020, section 2.2) and the plain convolutions around it.

Modulating the activations instead of the weights (x * s, one shared convolution, * demodulation) gives the
same result as a grouped convolution with one kernel per sample and is much cheaper. For a single sample
without autograd the factors go into the weight where that has fewer numbers than the activations.
"""

import torch
import torch.nn.functional as F
from einops import rearrange

from .fir import blur
from .winograd import Winograd

DEMODULATION_EPS = 1e-8


def conv_same(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Correlation of [B, I, H, W] with [O, I, k, k], k odd, zero padding to the same size."""
    return F.conv2d(x, weight.to(x.dtype), padding=weight.shape[-1] // 2)


def conv_fast(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """`conv_same`, or what is within 1e-4 of it and sooner there."""
    weight = weight.to(x.dtype)
    if Winograd.pays(weight, *x.shape[2:]):
        return Winograd(weight)(x, rows=1)
    return conv_same(x, weight)


def conv_up(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """[B, I, H, W] to [B, O, 2H, 2W]: stride-2 transposed 3x3 convolution, then FIR with padding 1 and gain 4."""
    x = F.conv_transpose2d(x, weight.transpose(0, 1).to(x.dtype), stride=2)
    return blur(x, padding=1, gain=4.0)


def conv_down(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """[B, I, H, W] to [B, O, H/2, W/2]: FIR with padding 2, then a stride-2 3x3 convolution."""
    return F.conv2d(blur(x, padding=2), weight.to(x.dtype), stride=2)


def _prenormalise(weight: torch.Tensor, styles: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale weight and style by their largest values; demodulation cancels both, and fp16 sums stay finite."""
    fan_in = weight[0].numel()
    weight = weight / (weight.abs().amax(dim=(1, 2, 3), keepdim=True) * fan_in ** 0.5)
    return weight, styles / styles.abs().amax(dim=1, keepdim=True)


def demodulation(weight: torch.Tensor, styles: torch.Tensor) -> torch.Tensor:
    """rsqrt(sum over inputs and taps of (W s)^2 + eps), [B, O]; equation 3 of Karras 2020."""
    energy = weight.square().sum(dim=(2, 3))
    return (styles.square() @ energy.t() + DEMODULATION_EPS).rsqrt()


def modulated_kernel(weight: torch.Tensor, styles: torch.Tensor, gain: float = 1.0) -> torch.Tensor:
    """The demodulated weights [O, I, k, k] of one sample, fp32: `weight` [O, I, k, k] times styles [I] and `gain`."""
    weight, styles = weight.float(), styles.float()
    scale = demodulation(weight, styles[None])[0] * gain
    return weight * styles[None, :, None, None] * scale[:, None, None, None]


def modulated_conv(x: torch.Tensor, weight: torch.Tensor, styles: torch.Tensor, *, demodulate: bool = True,
                   up: bool = False, gain: float = 1.0) -> torch.Tensor:
    """Convolve with weights scaled per sample and input channel.

    Args:
        x: [B, I, H, W], fp32, fp16 or bf16.
        weight: [O, I, k, k], used as it is (no 1/sqrt(fan_in)).
        styles: [B, I], fp32.
        demodulate: normalise each output channel to unit expected variance.
        up: double the size; k must be 3.
        gain: multiplies the result at no cost.

    Returns:
        [B, O, H, W] or [B, O, 2H, 2W], a new tensor in the dtype of `x`.
    """
    convolve = conv_up if up else conv_fast
    weight, styles = weight.float(), styles.float()
    if demodulate and x.dtype == torch.float16:
        weight, styles = _prenormalise(weight, styles)
    scale = demodulation(weight, styles) * gain if demodulate else None
    pixels = x.shape[2] * x.shape[3]
    touched = pixels * (x.shape[1] + len(weight) * (4 if up else 1))
    if not torch.is_grad_enabled() and x.shape[0] == 1 and touched >= weight.numel():
        weight = weight * styles[0, None, :, None, None]
        weight = weight * (gain if scale is None else scale[0, :, None, None, None])
        return convolve(x, weight)
    x = convolve(x * styles[:, :, None, None].to(x.dtype), weight)
    scale = scale[:, :, None, None].to(x.dtype) if demodulate else gain
    return x * scale if torch.is_grad_enabled() else x.mul_(scale)


def modulated_rgb(x: torch.Tensor, weight: torch.Tensor, styles: torch.Tensor) -> torch.Tensor:
    """1x1 modulated convolution without demodulation, as one small matrix product per sample.

    Args:
        x: [B, I, H, W].
        weight: [O, I, 1, 1] with few outputs.
        styles: [B, I].

    Returns:
        [B, O, H, W].
    """
    matrices = (weight.float()[None, :, :, 0, 0] * styles.float()[:, None]).to(x.dtype)
    pixels = torch.bmm(matrices, rearrange(x, "b i h w -> b i (h w)"))
    return rearrange(pixels, "b o (h w) -> b o h w", h=x.shape[2])
