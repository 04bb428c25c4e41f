"""Sizes and choices of a bridge; saved as JSON beside its weights."""

from dataclasses import asdict, dataclass

from ..errors import InputError

ATTENTION_SOURCES = ("output", "probabilities")
REFINEMENTS = ("local", "global", "both")


@dataclass(frozen=True)
class BridgeConfig:
    """Everything needed to rebuild M and T without looking at the weights."""

    family: str  # U-Net family the bridge was trained on, for example "sd15"
    middle_channels: int  # channels of h_t
    middle_size: int  # side to which h_t is resized before M (power of two)
    stage_channels: tuple[int, ...]  # channels of f_t^1 .. f_t^N, coarse to fine
    map_size: int  # common side of all maps inside T (power of two)
    num_ws: int
    w_dim: int
    mapping_channels: tuple[int, ...]  # widths of M's stride-2 convolutions, log2(middle_size) of them
    modulation_channels: int  # width of the scale and shift nets
    head_channels: tuple[int, ...]  # widths of the map2style heads, log2(map_size) of them
    attention_source: str  # "output": softmax(QK^T)V; "probabilities": softmax(QK^T) over the prompt's words
    refinement: str  # "local", "global" or "both"
    generator_fingerprint: str
    generator_name: str

    def __post_init__(self):
        for name in ("stage_channels", "mapping_channels", "head_channels"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.attention_source not in ATTENTION_SOURCES:
            raise InputError(f"attention_source is {self.attention_source!r}; choose one of {ATTENTION_SOURCES}.")
        if self.refinement not in REFINEMENTS:
            raise InputError(f"refinement is {self.refinement!r}; choose one of {REFINEMENTS}.")
        for size, widths, what in ((self.middle_size, self.mapping_channels, "mapping_channels"),
                                   (self.map_size, self.head_channels, "head_channels")):
            if size != 2 ** len(widths):
                raise InputError(f"{what} has {len(widths)} entries for a map of side {size}; "
                                 f"give one stride-2 convolution per halving down to 1x1.")

    def to_json(self) -> dict:
        return asdict(self)
