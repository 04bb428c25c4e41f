"""Two layers and the picture branch, some rows at a time, on a CPU and without gradients.

What lies between the layers then stays in the processor's cache, and in memory that is used again: the first touch of
fresh memory costs as much as a third of a convolution over it.
"""

import torch
import torch.nn.functional as F

from ...ops import Winograd, fir_kernel, modulated_kernel
from ...ops.activation import LRELU_GAIN
from ..linear import equalised_linear
from .layers import SynthesisLayer, ToRGB

STRIP_BYTES = 8 * 2 ** 20       # of a feature map: less costs more at the borders, more is fresh memory again


def fits(layer: SynthesisLayer, x: torch.Tensor, resolution: int) -> bool:
    """Whether the layer's output is worth cutting into strips, and may be."""
    size = layer.weight.shape[0] * resolution ** 2 * x.element_size()
    return size >= 2 * STRIP_BYTES and x.device.type == "cpu" and not torch.is_grad_enabled()


def block_in_strips(layers: tuple[SynthesisLayer, SynthesisLayer, ToRGB], x: torch.Tensor, ws: torch.Tensor,
                    noises: tuple[torch.Tensor | None, torch.Tensor | None], resolution: int,
                    needs_x: bool) -> tuple[torch.Tensor | None, torch.Tensor]:
    """`torgb(conv1(conv0(x)))` and what torgb reads.

    Args:
        x: [B, I, h, w]. ws: [B, 3, w_dim], of the three layers. noises: of the first two, [1 or B, 1, R, R] or None.

    Returns:
        [B, O, R, R], or None unless `needs_x`, and [B, C, R, R], in the dtype of x.
    """
    conv0, conv1, torgb = layers
    batch, channels = len(x), conv1.weight.shape[0]
    out = torch.empty((batch, channels, resolution, resolution), dtype=x.dtype,
                      memory_format=torch.channels_last) if needs_x else None
    rgb = torch.empty((batch, torgb.weight.shape[0], resolution, resolution), dtype=x.dtype)
    height = max(8, STRIP_BYTES // (channels * resolution * x.element_size()) // 4 * 4)    # whole tiles of Winograd's
    for sample in range(batch):
        own = slice(sample, sample + 1)
        kernels = [_kernel(layer, w).to(x.dtype) for layer, w in zip((conv0, conv1), ws[sample])]
        if Winograd.pays(kernels[1], height, resolution):
            kernels[1] = Winograd(kernels[1])
        noise0, noise1 = (noise if noise is None or len(noise) == 1 else noise[own] for noise in noises)
        for first in range(0, resolution, height):
            last = min(first + height, resolution)
            low, high = max(first - 1, 0), min(last + 1, resolution)        # conv1 reads a row more on each side
            inner = conv0.finish(_rows(conv0, x[own], kernels[0], low, high), _part(noise0, low, high))
            inner = conv1.finish(_rows(conv1, inner, kernels[1], first - low, last - low), _part(noise1, first, last))
            rgb[own, :, first:last] = torgb(inner, ws[own, 2])
            if needs_x:
                out[own, :, first:last] = inner
    return out, rgb


def _kernel(layer: SynthesisLayer, w: torch.Tensor) -> torch.Tensor:
    return modulated_kernel(layer.weight, equalised_linear(layer.affine, w[None])[0], LRELU_GAIN)


def _part(noise: torch.Tensor | None, first: int, last: int) -> torch.Tensor | None:
    return None if noise is None else noise[:, :, first:last]


def _rows(layer: SynthesisLayer, x: torch.Tensor, kernel: torch.Tensor | Winograd, first: int,
          last: int) -> torch.Tensor:
    """Rows `first` to `last` of what `conv_up` or `conv_same` makes of x [1, I, h, w] with this kernel."""
    if not layer.up:
        x = _cut(x, first - 1, last + 1)
        return kernel(x) if isinstance(kernel, Winograd) else F.conv2d(x, kernel, padding=(0, 1))
    low, high = max((first - 2) // 2, 0), min((last + 3) // 2, x.shape[2])
    wide = F.conv_transpose2d(x[:, :, low:high], kernel.transpose(0, 1), stride=2)
    wide = _cut(wide, first - 1 - 2 * low, last + 2 - 2 * low)
    fir = fir_kernel(4.0, x.device, x.dtype).expand(wide.shape[1], 1, 4, 4).contiguous()
    return F.conv2d(wide, fir, padding=(0, 1), groups=wide.shape[1])


def _cut(x: torch.Tensor, first: int, last: int) -> torch.Tensor:
    """Rows `first` to `last`, zeros where x has none."""
    above, below = max(-first, 0), max(last - x.shape[2], 0)
    x = x[:, :, max(first, 0):last]
    return F.pad(x, (0, 0, above, below)) if above or below else x
