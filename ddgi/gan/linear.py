"""Linear layers with equalised learning rate: stored weights have unit variance and are scaled at use.

Source: Karras et al. 2018, "Progressive Growing of GANs", section 4.1.
"""

import torch
from torch import nn


def init_linear(layer: nn.Module, *, bias: float = 0.0, lr_mul: float = 1.0) -> nn.Module:
    """Weights N(0, 1) / lr_mul, constant bias; returns the layer."""
    nn.init.normal_(layer.weight, std=1.0 / lr_mul)
    nn.init.constant_(layer.bias, bias)
    return layer


def equalised_linear(layer: nn.Module, x: torch.Tensor, lr_mul: float = 1.0) -> torch.Tensor:
    """(W x / sqrt(fan_in) + b) * lr_mul for a linear layer with stored W, b; [B, in] to [B, out]."""
    x = layer(x.to(layer.weight.dtype) * (x.shape[-1] ** -0.5))
    return x * lr_mul if lr_mul != 1.0 else x
