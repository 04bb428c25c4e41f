"""Low-pass filters, and the nonlinearity between two of them (Karras et al. 2021, section 3.1, appendix C).

Depthwise convolutions in channels-last memory are the fastest form on a CPU, for square filters too.
"""

import math
from functools import partial

import torch
import torch.nn.functional as F

STRIP_BYTES = 16 * 2 ** 20      # of what is between the two filters at once, without gradients


def kaiser_beta(taps: int, half_width: float, rate: float) -> float:
    """The window's shape for a transition band of 2 half_width at this sampling rate (Kaiser 1974)."""
    attenuation = 2.285 * (taps - 1) * math.pi * (4 * half_width / rate) + 7.95
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    return 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21) if attenuation > 21 else 0.0


def low_pass(taps: int, cutoff: float, half_width: float, rate: float, radial: bool = False) -> torch.Tensor:
    """A filter that keeps frequencies below `cutoff`: [taps] for both axes, or [taps, taps] if radial; fp32, sum 1.

    Args:
        taps: even for radial filters.
        cutoff, half_width: cycles per picture. rate: samples per picture.
    """
    place = torch.arange(taps, dtype=torch.float64) - (taps - 1) / 2
    beta = kaiser_beta(taps, half_width, rate)
    window = torch.special.i0(beta * (1 - (place / max(place.shape[0] - 1, 1) * 2).square()).clamp_min(0).sqrt())
    if radial:
        distance = torch.hypot(place[:, None], place[None]) / rate
        window = torch.outer(window, window)
        kernel = torch.special.bessel_j1(2 * math.pi * cutoff * distance) / (math.pi * distance) * window
    else:
        kernel = torch.sinc(2 * cutoff / rate * place) * window
    return (kernel / kernel.sum()).float()


def up_fir(x: torch.Tensor, taps: torch.Tensor | None, up: int, padding: tuple[int, int, int, int],
           gain: float = 1.0) -> torch.Tensor:
    """Zero-stuff by `up`, pad, filter with gain * up^2; a true convolution.

    Args:
        x: [B, C, H, W].
        taps: [t] for both axes; None: only pads (up must be 1).
        padding: (left, right, top, bottom) in pixels of the stuffed picture; negative values crop.
    """
    if taps is None:
        return F.pad(x, padding) if any(padding) else x
    x, taps = x.contiguous(memory_format=torch.channels_last), taps.to(x.dtype) * up * gain ** 0.5
    channels, count = x.shape[1], len(taps)
    for axis, (low, high) in ((3, padding[:2]), (2, padding[2:])):
        kernel = (taps[None] if axis == 3 else taps[:, None]).expand(channels, 1, -1, -1).contiguous()
        size = x.shape[axis] * up + low + high - count + 1
        x = F.conv_transpose2d(x, kernel, stride=(1, up) if axis == 3 else (up, 1), groups=channels)
        before = low - count + 1            # the transposed convolution has count - 1 more pixels on each side
        edge = (before, size - before - x.shape[axis])
        if any(edge):
            x = F.pad(x, (*edge, 0, 0) if axis == 3 else (0, 0, *edge))
    return x


def down_fir(x: torch.Tensor, taps: torch.Tensor | None, down: int) -> torch.Tensor:
    """Filter and keep every `down`-th pixel; a true convolution without padding.

    Args:
        x: [B, C, H, W].
        taps: [t] for both axes, or [th, tw]; None: nothing to do (down must be 1).
    """
    if taps is None:
        return x
    taps, channels = taps.to(x.dtype), x.shape[1]
    kernels = [taps] if taps.ndim == 2 else [taps[None], taps[:, None]]
    strides = [(down, down)] if taps.ndim == 2 else [(1, down), (down, 1)]
    for kernel, stride in zip(kernels, strides):
        kernel = kernel.flip((0, 1)).expand(channels, 1, -1, -1).contiguous()
        x = F.conv2d(x, kernel, stride=stride, groups=channels)
    return x


def filtered_lrelu(x: torch.Tensor, bias: torch.Tensor | None, up_taps: torch.Tensor | None,
                   down_taps: torch.Tensor | None, up: int, down: int, padding: tuple[int, int, int, int], *,
                   gain: float = 2 ** 0.5, slope: float = 0.2, clamp: float | None = None) -> torch.Tensor:
    """Bias, up, leaky ReLU times `gain`, clamp, down: the nonlinearity where its new frequencies still have room.

    Without gradients a large picture is taken some rows at a time: between the filters it is four times as large or
    more, and there it stays in memory that is used again.

    Args:
        x: [B, C, H, W]; may be overwritten when autograd is off.
        bias: [C] or None. up_taps, up, padding: as in `up_fir`. down_taps, down: as in `down_fir`.
        clamp: largest absolute value before the last filter, or None.
    """
    if bias is not None:
        bias = bias.to(x.dtype)[:, None, None]
        x = x + bias if torch.is_grad_enabled() else x.add_(bias)
    nonlinearity = partial(_between_filters, up_taps=up_taps, down_taps=down_taps, up=up, down=down, gain=gain,
                           slope=slope, clamp=clamp)
    count, down_count = (1 if taps is None else len(taps) for taps in (up_taps, down_taps))
    height, width = (size * up + sum(edges) - count + 1 for size, edges in zip(x.shape[2:], (padding[2:], padding[:2])))
    row_bytes = x[:, :, 0, 0].numel() * width * x.element_size()
    beside = max(padding[2:]) >= count      # some rows would read nothing of x
    if torch.is_grad_enabled() or row_bytes * height < 2 * STRIP_BYTES or beside:
        return nonlinearity(x, padding=padding)
    strips, step = [], max(8, STRIP_BYTES // (row_bytes * down))
    rows = (height - down_count) // down + 1
    for first in range(0, rows, step):
        # Rows `low` to `high` between the filters, of which rows `start` to `end` of x are what they are made of.
        low, high = first * down, (min(first + step, rows) - 1) * down + down_count
        start, end = max(-((padding[2] - low) // up), 0), min((high + count - 2 - padding[2]) // up + 1, x.shape[2])
        above = padding[2] - low + start * up
        below = high - low - (end - start) * up - above + count - 1
        strips.append(nonlinearity(x[:, :, start:end], padding=(*padding[:2], above, below)))
    return torch.cat(strips, 2)


def _between_filters(x: torch.Tensor, *, up_taps: torch.Tensor | None, down_taps: torch.Tensor | None, up: int,
                     down: int, padding: tuple[int, int, int, int], gain: float, slope: float,
                     clamp: float | None) -> torch.Tensor:
    """`filtered_lrelu` without the bias."""
    inplace = not torch.is_grad_enabled()
    # Leaky ReLU commutes with a positive gain, which costs nothing in the filter.
    x = up_fir(x, up_taps, up, padding, gain) if up_taps is not None else up_fir(x, None, up, padding) * gain
    x = F.leaky_relu(x, slope, inplace=inplace)
    if clamp is not None:
        x = x.clamp_(-clamp, clamp) if inplace else x.clamp(-clamp, clamp)
    return down_fir(x, down_taps, down)
