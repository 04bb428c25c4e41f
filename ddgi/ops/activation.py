"""Bias, leaky ReLU, gain and clamp in one call, and the second-moment normalisation."""

import torch
import torch.nn.functional as F

LRELU_SLOPE = 0.2
LRELU_GAIN = 2 ** 0.5


def normalize_2nd_moment(x: torch.Tensor, eps: float = 1e-8) -> torch.Tensor:
    """x * rsqrt(mean(x^2) + eps) over the last axis (StyleGAN, Karras 2019, input of the mapping network)."""
    return x * (x.square().mean(dim=-1, keepdim=True) + eps).rsqrt()


def bias_act(x: torch.Tensor, bias: torch.Tensor | None = None, *, activate: bool = True,
             gain: float | None = None, clamp: float | None = None) -> torch.Tensor:
    """Add a channel bias, apply leaky ReLU, multiply by a gain, clamp; in this order.

    Args:
        x: [B, C] or [B, C, H, W]. Overwritten when autograd is off.
        bias: [C] or None.
        activate: leaky ReLU with slope 0.2 if true, identity otherwise.
        gain: default sqrt(2) with the activation, 1 without.
        clamp: largest absolute value of the result, or None.
    """
    gain = (LRELU_GAIN if activate else 1.0) if gain is None else gain
    inplace = not torch.is_grad_enabled()
    if bias is not None:
        bias = bias.to(x.dtype).reshape(1, -1, *([1] * (x.ndim - 2)))
        x = x.add_(bias) if inplace else x + bias
    if activate:
        x = F.leaky_relu(x, LRELU_SLOPE, inplace=inplace)
    if gain != 1.0:
        x = x.mul_(gain) if inplace else x * gain
    if clamp is not None:
        x = x.clamp_(-clamp, clamp) if inplace else x.clamp(-clamp, clamp)
    return x
