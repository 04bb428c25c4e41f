"""A modulated layer whose weights take no gradient, as one node of the graph: its passes work in place.

Bridges and searches only ask what a picture says about its latent. Written out, a layer then keeps seven maps of its
size on the way there and as many on the way back, and on a CPU the first touch of that memory costs more than the
convolutions. Here it keeps its input and its output, and computes the rest from them.
"""

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from .activation import LRELU_SLOPE, bias_act
from .fir import blur
from .modulated import conv_same, conv_up, demodulation


class _FrozenLayer(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, styles, scale, noise, weight, bias, up, clamp):
        y = (conv_up if up else conv_same)(x * styles[:, :, None, None], weight).mul_(scale[:, :, None, None])
        y = bias_act(y if noise is None else y.add_(noise), bias, gain=1.0, clamp=clamp)
        ctx.save_for_backward(x, styles, scale, noise, weight, bias, y)
        ctx.up, ctx.clamp = up, clamp
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, styles, scale, noise, weight, bias, y = ctx.saved_tensors
        before = F.leaky_relu(y, 1 / LRELU_SLOPE)       # the activation undone: y has the sign of what it was made of
        grad = torch.ops.aten.leaky_relu_backward(grad, y, LRELU_SLOPE, True)
        if ctx.clamp is not None:
            grad.masked_fill_(y.abs() >= ctx.clamp, 0)
        grad_noise = None
        if noise is not None:
            before.sub_(noise)
            if ctx.needs_input_grad[3]:
                grad_noise = grad.sum(1, keepdim=True).sum_to_size(noise.shape)
        grad_scale = before.sub_(bias[:, None, None]).mul_(grad).sum((2, 3)) / scale
        grad.mul_(scale[:, :, None, None])
        if ctx.up:
            grad = F.conv2d(blur(grad, padding=2, gain=4.0), weight.transpose(0, 1), stride=2)
        else:
            grad = F.conv_transpose2d(grad, weight, padding=weight.shape[-1] // 2)
        product = before if before.shape == x.shape else torch.empty_like(x)    # memory that was touched already
        grad_styles = torch.mul(grad, x, out=product).sum((2, 3))
        return grad.mul_(styles[:, :, None, None]), grad_styles, grad_scale, grad_noise, None, None, None, None


def frozen_layer(x: torch.Tensor, weight: torch.Tensor, styles: torch.Tensor, bias: torch.Tensor,
                 noise: torch.Tensor | None, *, up: bool, gain: float, clamp: float | None) -> torch.Tensor:
    """`modulated_conv`, noise and `bias_act`, with first gradients for x, styles and noise only.

    Args:
        x: [B, I, H, W], fp32. weight: [O, I, k, k] and bias: [O], without gradients. styles: [B, I].
        noise: [1 or B, 1, H', W'], added to what the convolution gives, or None.
        up: double the size; k must be 3. gain: of the convolution, above 0. clamp: largest absolute value, or None.

    Returns:
        [B, O, H, W] or [B, O, 2H, 2W].
    """
    return _FrozenLayer.apply(x, styles, demodulation(weight, styles) * gain, noise, weight, bias, up, clamp)
