"""Sizes of a StyleGAN2 generator, as one frozen dataclass that travels with the weights."""

import dataclasses

from ...config import check_choice
from ...errors import InputError
from ...fields import check_range

ARCHITECTURES = ("skip", "resnet", "orig")
WHAT = "The StyleGAN2 generator"


@dataclasses.dataclass(frozen=True)
class StyleGAN2Config:
    """Everything needed to build a StyleGAN2 generator.

    Raises:
        InputError: a size is impossible; the message names it.
    """

    z_dim: int = 512
    c_dim: int = 0                      # 0 = unconditional, 25 = camera label
    w_dim: int = 512
    img_resolution: int = 1024          # power of two, 4 to 1024
    img_channels: int = 3
    channel_base: int = 32768           # channels at resolution r: min(channel_base // r, channel_max)
    channel_max: int = 512
    num_mapping_layers: int = 8
    architecture: str = "skip"
    conv_clamp: float | None = None     # largest absolute activation, or None
    num_fp16_res: int = 0               # how many of the highest resolutions were trained in fp16
    channels: tuple[int, ...] | None = None     # per resolution from 4 up; overrides base and max

    def __post_init__(self):
        resolution = self.img_resolution
        if resolution < 4 or resolution > 1024 or resolution & (resolution - 1):
            raise InputError(f"The generator's resolution is {resolution}; it must be a power of two from 4 to 1024.")
        check_choice(f"{WHAT}'s architecture", self.architecture, ARCHITECTURES)
        check_range(self, WHAT, "z_dim w_dim img_channels channel_base channel_max", 1, 2 ** 24)
        check_range(self, WHAT, "c_dim", 0, 2 ** 24)
        check_range(self, WHAT, "num_mapping_layers", 1, 64)
        check_range(self, WHAT, "num_fp16_res", 0, 16)
        check_range(self, WHAT, "conv_clamp", 1e-3, 1e6)
        if self.channels is not None:
            object.__setattr__(self, "channels", tuple(int(value) for value in self.channels))
            if len(self.channels) != len(self.block_resolutions) or min(self.channels) < 1:
                raise InputError(f"The generator lists {len(self.channels)} channel counts for "
                                 f"{len(self.block_resolutions)} resolutions; give one positive count for each.")

    @property
    def block_resolutions(self) -> tuple[int, ...]:
        """4, 8, ... img_resolution."""
        return tuple(2 ** power for power in range(2, self.img_resolution.bit_length()))

    @property
    def num_ws(self) -> int:
        """How many w vectors a picture needs: 2 log2(img_resolution) - 2."""
        return 2 * len(self.block_resolutions)

    @property
    def largest_activation(self) -> int:
        """Numbers in the largest feature map of one picture."""
        return max(self.channels_at(size) * size * size for size in self.block_resolutions)

    def channels_at(self, resolution: int) -> int:
        """Feature channels of the block at this resolution."""
        if self.channels is not None:
            return self.channels[self.block_resolutions.index(resolution)]
        return max(1, min(self.channel_base // resolution, self.channel_max))
