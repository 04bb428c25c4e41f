"""StyleSpace edits (Wu et al. 2021): changes of single style channels, as near as w vectors can make them."""

from collections.abc import Sequence

import torch

from ..errors import InputError
from ..gan import Generator


def style_sizes(generator: Generator) -> list[int]:
    """Channels of each style layer, in the order in which the generator applies them."""
    return [layer.weight.shape[0] for layer in generator.style_layers()]


def split_styles(flat: torch.Tensor, sizes: Sequence[int]) -> list[torch.Tensor] | None:
    """A change of all styles on end [sum of sizes] as one tensor a layer; None where the length is another."""
    return list(flat.split(list(sizes))) if flat.shape == (sum(sizes),) else None


def channel_styles(generator: Generator, layer: int, channel: int) -> list[torch.Tensor]:
    """A change by 1 of one channel, under the numbers of the StyleSpace paper: layers with ToRGB counted.

    Raises:
        InputError: the generator has no such layer or channel.
    """
    sizes = style_sizes(generator)
    if not 0 <= layer < len(sizes) or not 0 <= channel < sizes[layer]:
        raise InputError(f"Channel {channel} of style layer {layer} was asked for, but {generator.name!r} has "
                         f"{len(sizes)} style layers of {min(sizes)} to {max(sizes)} channels.")
    styles = [torch.zeros(size) for size in sizes]
    styles[layer][channel] = 1.0
    return styles


def from_styles(generator: Generator, styles: Sequence[torch.Tensor]) -> tuple[torch.Tensor, float]:
    """The W+ offset whose styles come nearest to a change of styles, by least squares.

    A w vector drives one or two style layers together (a convolution, and the ToRGB before it), so that a change of
    one of them alone can in general only be approached.

    Args:
        styles: one tensor [channels] for each of `style_sizes`.

    Returns:
        The offset [num_ws, w_dim], and the share of the change (of its squares) that it reaches, 0..1.

    Raises:
        InputError: other sizes.
    """
    sizes = style_sizes(generator)
    if [value.numel() for value in styles] != sizes:
        raise InputError(f"Style changes of {[value.numel() for value in styles][:6]} ... channels were given, but "
                         f"{generator.name!r} has {sizes[:6]} ...; use a file made for this generator.")
    offset = torch.zeros(generator.config.num_ws, generator.config.w_dim, dtype=torch.float64)
    missed = total = 0.0
    for index in range(generator.config.num_ws):
        own = [(layer.weight, value) for layer, value in zip(generator.style_layers(), styles) if layer.index == index]
        if not any(value.any() for _, value in own):
            continue
        matrix = torch.cat([weight.detach().cpu().double() for weight, _ in own])
        wanted = torch.cat([value.flatten().cpu().double() for _, value in own])
        offset[index] = torch.linalg.lstsq(matrix, wanted[:, None], driver="gelsd").solution[:, 0]
        missed += float((matrix @ offset[index] - wanted).square().sum())
        total += float(wanted.square().sum())
    if not total:
        raise InputError("The style change holds only zeros.")
    return offset.float(), 1.0 - missed / total
