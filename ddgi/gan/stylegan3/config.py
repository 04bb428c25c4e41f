"""Sizes of a StyleGAN3 generator, as one frozen dataclass that travels with the weights."""

import dataclasses

from ...errors import InputError
from ...fields import check_range

WHAT = "The StyleGAN3 generator"


@dataclasses.dataclass(frozen=True)
class StyleGAN3Config:
    """Everything needed to build a StyleGAN3 generator; the defaults are config T of the public files at 1024 px.

    Config R has conv_kernel 1, use_radial_filters and twice the channels.

    Raises:
        InputError: a size is impossible; the message names it.
    """

    z_dim: int = 512
    c_dim: int = 0
    w_dim: int = 512
    img_resolution: int = 1024
    img_channels: int = 3
    num_mapping_layers: int = 2
    channel_base: int = 32768           # channels of a layer: min(channel_base / 2 / cutoff, channel_max), rounded
    channel_max: int = 512
    channels: tuple[int, ...] | None = None     # output channels of all layers but the last; overrides base and max
    num_layers: int = 14                # without the last one, which makes the picture
    num_critical: int = 2               # of the last layers: sampled without room above their cutoff
    first_cutoff: float = 2.0           # frequencies in cycles per picture; of the input and layer 0
    first_stopband: float = 2.0 ** 2.1
    last_stopband_rel: float = 2.0 ** 0.3   # of the last layers: stopband over cutoff
    margin_size: int = 10               # pixels beyond each side of the picture
    output_scale: float = 0.25
    conv_kernel: int = 3
    filter_size: int = 6                # taps of a filter for each factor of up- or downsampling
    lrelu_upsampling: int = 2
    use_radial_filters: bool = False
    conv_clamp: float | None = 256.0    # largest absolute activation, or None
    num_fp16_res: int = 4               # layers above img_resolution / 2^num_fp16_res were trained in fp16

    def __post_init__(self):
        resolution = self.img_resolution
        if resolution < 16 or resolution > 1024 or resolution & (resolution - 1):
            raise InputError(f"{WHAT}'s resolution is {resolution}; it must be a power of two from 16 to 1024.")
        check_range(self, WHAT, "z_dim w_dim channel_base channel_max", 1, 2 ** 24)
        check_range(self, WHAT, "img_channels", 1, 4096)
        check_range(self, WHAT, "c_dim", 0, 2 ** 24)
        check_range(self, WHAT, "num_mapping_layers", 1, 64)
        check_range(self, WHAT, "num_layers", 2, 64)
        check_range(self, WHAT, "num_critical", 1, self.num_layers - 1)
        check_range(self, WHAT, "first_cutoff first_stopband", 0.5, resolution / 2)
        check_range(self, WHAT, "last_stopband_rel", 1, 4)
        check_range(self, WHAT, "margin_size", 0, 64)
        check_range(self, WHAT, "conv_kernel", 1, 7)
        check_range(self, WHAT, "filter_size", 2, 16)
        check_range(self, WHAT, "lrelu_upsampling", 1, 4)
        check_range(self, WHAT, "output_scale conv_clamp", 1e-3, 1e6)
        check_range(self, WHAT, "num_fp16_res", 0, 16)
        if self.conv_kernel % 2 == 0 or self.filter_size % 2 or self.lrelu_upsampling == 3:
            raise InputError(f"{WHAT}'s conv_kernel is {self.conv_kernel}, its filter_size {self.filter_size} and its "
                             f"lrelu_upsampling {self.lrelu_upsampling}; they must be odd, even, and a power of two.")
        if self.channels is not None:
            object.__setattr__(self, "channels", tuple(int(value) for value in self.channels))
            if len(self.channels) != self.num_layers or min(self.channels) < 1:
                raise InputError(f"{WHAT} lists {len(self.channels)} channel counts for {self.num_layers} layers; give "
                                 f"one positive count for each.")

    @property
    def num_ws(self) -> int:
        """How many w vectors a picture needs: one for the input and one for each layer."""
        return self.num_layers + 2
