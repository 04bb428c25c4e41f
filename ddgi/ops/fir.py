"""FIR resampling with the binomial filter [1, 3, 3, 1] of StyleGAN2 (Karras 2020, appendix B).

A depthwise convolution in channels-last memory is the fastest form on a CPU; its gradient is written
as another forward convolution because the library's own depthwise backward is several times slower.
"""

import torch
import torch.nn.functional as F

TAPS = (1.0, 3.0, 3.0, 1.0)


def fir_kernel(gain: float = 1.0, device=None, dtype=torch.float32) -> torch.Tensor:
    """outer(TAPS, TAPS) / 64 * gain, [4, 4]; it sums to `gain`."""
    taps = torch.tensor(TAPS, dtype=torch.float32)
    return (torch.outer(taps, taps) * (gain / 64)).to(device=device, dtype=dtype)


def upfirdn(x: torch.Tensor, kernel: torch.Tensor, *, up: int = 1, down: int = 1,
            padding: tuple[int, int, int, int] = (0, 0, 0, 0), gain: float = 1.0) -> torch.Tensor:
    """Zero-stuff by `up`, pad, convolve (a true convolution: the kernel is flipped), keep every `down`-th pixel.

    Args:
        x: [B, C, H, W].
        kernel: [kh, kw], any shape and symmetry.
        padding: (left, right, top, bottom) in pixels of the stuffed image; negative values crop.
    """
    batch, channels, height, width = x.shape
    if up > 1:
        stuffed = x.new_zeros(batch, channels, height, up, width, up)
        stuffed[:, :, :, 0, :, 0] = x
        x = stuffed.reshape(batch, channels, height * up, width * up)
    x = F.pad(x, padding)
    kernel = (kernel * gain).flip((0, 1)).to(x.dtype)
    return F.conv2d(x, kernel.expand(channels, 1, *kernel.shape).contiguous(), stride=down, groups=channels)


class _Blur(torch.autograd.Function):
    """Depthwise 4x4 FIR. The filter is symmetric, so the gradient is the same filter with padding 3 - p."""

    @staticmethod
    def forward(ctx, x, padding, gain):
        ctx.padding, ctx.gain = padding, gain
        channels = x.shape[1]
        kernel = fir_kernel(gain, x.device, x.dtype).expand(channels, 1, 4, 4).contiguous()
        return F.conv2d(x, kernel, padding=padding, groups=channels)

    @staticmethod
    def backward(ctx, grad):
        return _Blur.apply(grad, 3 - ctx.padding, ctx.gain), None, None


def blur(x: torch.Tensor, padding: int, gain: float = 1.0) -> torch.Tensor:
    """Filter [B, C, H, W] to [B, C, H + 2 padding - 3, W + 2 padding - 3]; padding is 0 to 3 zero pixels a side."""
    return _Blur.apply(x, padding, gain)


def upsample(x: torch.Tensor) -> torch.Tensor:
    """Double the size of [B, C, H, W]: zero-stuffing, padding (2, 1), filter with gain 4."""
    channels = x.shape[1]
    kernel = fir_kernel(4.0, x.device, x.dtype).expand(channels, 1, 4, 4).contiguous()
    return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=channels)


def downsample(x: torch.Tensor) -> torch.Tensor:
    """Halve the size of [B, C, H, W] (even sizes): padding (1, 1), filter, every second pixel."""
    channels = x.shape[1]
    kernel = fir_kernel(1.0, x.device, x.dtype).expand(channels, 1, 4, 4).contiguous()
    return F.conv2d(x, kernel, stride=2, padding=1, groups=channels)
