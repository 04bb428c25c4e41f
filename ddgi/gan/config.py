"""Sizes of a StyleGAN2 generator, as one frozen dataclass that travels with the weights."""

import dataclasses

from ..errors import InputError

ARCHITECTURES = ("skip", "resnet", "orig")


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
        if self.architecture not in ARCHITECTURES:
            raise InputError(f"The generator's architecture is {self.architecture!r}; it must be one of "
                             f"{', '.join(ARCHITECTURES)}.")
        for name in ("z_dim", "w_dim", "img_channels", "channel_base", "channel_max", "num_mapping_layers"):
            if getattr(self, name) < 1:
                raise InputError(f"The generator's {name} is {getattr(self, name)}; it must be 1 or more.")
        if self.c_dim < 0:
            raise InputError(f"The generator's c_dim is {self.c_dim}; it must be 0 or more.")
        if self.conv_clamp is not None and not 0 < self.conv_clamp < float("inf"):
            raise InputError(f"The generator's conv_clamp is {self.conv_clamp}; it must be positive, or None.")
        if self.num_fp16_res < 0:
            raise InputError(f"The generator's num_fp16_res is {self.num_fp16_res}; it must be 0 or more.")
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

    def channels_at(self, resolution: int) -> int:
        """Feature channels of the block at this resolution."""
        if self.channels is not None:
            return self.channels[self.block_resolutions.index(resolution)]
        return max(1, min(self.channel_base // resolution, self.channel_max))

    def to_json(self) -> dict:
        """Plain dict for the file's metadata."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict) -> "StyleGAN2Config":
        """The config back from `to_json`; unknown keys are refused."""
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - known):
            raise InputError(f"The generator file has unknown settings {', '.join(unknown)}; it needs a newer pack.")
        try:
            return cls(**values)
        except TypeError as error:
            raise InputError(f"The generator file's settings are not usable ({error}); export it again.") from error
