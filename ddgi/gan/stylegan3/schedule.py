"""Which frequencies, rates and sizes the layers have (Karras et al. 2021, section 3.2 and figure 4c).

Pictures are signals: a layer's features hold frequencies up to its cutoff, in cycles per picture, and are sampled at
a rate of so many pixels per picture, with a margin of pixels beyond it.
"""

import dataclasses
import math

from .config import StyleGAN3Config


@dataclasses.dataclass(frozen=True)
class Signal:
    """Features between two layers: frequencies up to `cutoff`, gone at cutoff + half_width; size in pixels."""

    cutoff: float
    half_width: float
    rate: int
    size: int
    channels: int


@dataclasses.dataclass(frozen=True)
class LayerPlan:
    """One layer: from a signal to a signal, with the nonlinearity at `rate`.

    up, down: factors between the rates. up_taps, down_taps: lengths of the filters, 1: none.
    padding: pixels (low, high) at the rate of the nonlinearity on both axes; negative ones crop.
    """

    name: str
    source: Signal
    target: Signal
    kernel: int
    rate: int
    up: int
    down: int
    up_taps: int
    down_taps: int
    radial: bool
    half: bool                  # trained in fp16

    @property
    def is_rgb(self) -> bool:
        """True for the last layer, which makes the picture and filters nothing."""
        return self.up_taps == self.down_taps == 1

    @property
    def padding(self) -> tuple[int, int]:
        total = (self.target.size - 1) * self.down + 1 - (self.source.size + self.kernel - 1) * self.up
        total += self.up_taps + self.down_taps - 2
        low = (total + self.up) // 2
        return low, total - low


def signals(config: StyleGAN3Config) -> list[Signal]:
    """What layers 0 to num_layers make, the picture last."""
    resolution, layers, found = config.img_resolution, config.num_layers, []
    last_cutoff = resolution / 2
    for index in range(layers + 1):
        progress = min(index / (layers - config.num_critical), 1)
        cutoff = config.first_cutoff * (last_cutoff / config.first_cutoff) ** progress
        last_stopband = last_cutoff * config.last_stopband_rel
        stopband = config.first_stopband * (last_stopband / config.first_stopband) ** progress
        rate = 2 ** math.ceil(math.log2(min(2 * stopband, resolution)))
        size = resolution if index >= layers - 1 else rate + 2 * config.margin_size
        if index == layers:
            channels = config.img_channels
        elif config.channels is not None:
            channels = config.channels[index]
        else:
            channels = max(1, round(min(config.channel_base / 2 / cutoff, config.channel_max)))     # halves to even
        found.append(Signal(cutoff, max(stopband, rate / 2) - cutoff, rate, size, channels))
    return found


def input_signal(config: StyleGAN3Config) -> Signal:
    """What the Fourier features make."""
    return signals(config)[0]


def layer_plans(config: StyleGAN3Config) -> list[LayerPlan]:
    """Layers 0 to num_layers; layer i reads what layer i - 1 made, layer 0 the input."""
    outputs, plans = signals(config), []
    for index, target in enumerate(outputs):
        source, is_rgb = outputs[max(index - 1, 0)], index == config.num_layers
        rate = max(source.rate, target.rate) * (1 if is_rgb else config.lrelu_upsampling)
        up, down = rate // source.rate, rate // target.rate
        up_taps, down_taps = (1 if is_rgb or factor == 1 else config.filter_size * factor for factor in (up, down))
        plans.append(LayerPlan(
            f"L{index}_{target.size}_{target.channels}", source, target, 1 if is_rgb else config.conv_kernel, rate, up,
            down, up_taps, down_taps, config.use_radial_filters and index < config.num_layers - config.num_critical,
            target.rate << config.num_fp16_res > config.img_resolution))
    return plans
