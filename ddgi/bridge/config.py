"""Sizes and choices of a bridge; saved as JSON beside its weights."""

from dataclasses import asdict, dataclass

from ..config import check_choice, check_count
from ..errors import InputError
from ..features import FeatureLayout, StageLayout, StepFeatures
from ..gan import Generator
from ..gan.latent import check_made_for
from ..gan.lineage import Lineage

ATTENTION_SOURCES = ("output", "probabilities")
REFINEMENTS = ("local", "global", "both")
MAX_WIDTH, MAX_STAGES = 8192, 64
# Fields that say what a bridge belongs to; the others decide the shapes and the formula of its networks.
BELONGING = ("family", "stage_downsample", "stage_attention_layers", "context_channels", "generator_fingerprint",
             "generator_name")


@dataclass(frozen=True)
class BridgeSizes:
    """Widths and readings of a bridge that is to be trained; sizes of maps follow from the diffusion model."""

    attention_source: str = "output"
    refinement: str = "both"
    mapping_width: int = 512
    modulation_width: int = 64
    head_width: int = 512
    timestep_channels: int = 0

    def __post_init__(self):
        check_count("timestep_channels", self.timestep_channels, 0, MAX_WIDTH)
        check_choice("attention_source", self.attention_source, ATTENTION_SOURCES)
        check_choice("refinement", self.refinement, REFINEMENTS)
        for name in ("mapping_width", "modulation_width", "head_width"):
            check_count(name, getattr(self, name), 1, MAX_WIDTH)


@dataclass(frozen=True)
class BridgeConfig:
    """Everything needed to rebuild M and T without looking at the weights, and the layout they were trained for."""

    family: str  # U-Net family the bridge was trained on, for example "sd1"
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
    # The rest of the layout; None in files from before it was kept.
    stage_downsample: tuple[int, ...] | None = None  # latent size over the size of f_t^n
    stage_attention_layers: tuple[int, ...] | None = None  # K of each stage
    context_channels: int | None = None  # width of the prompt embedding
    timestep_channels: int = 0  # width of the embedding of t that M's and T's heads read; 0: none

    def __post_init__(self):
        for name in ("stage_channels", "stage_downsample", "stage_attention_layers", "mapping_channels",
                     "head_channels"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("stage_downsample", "stage_attention_layers"):
            if getattr(self, name) is not None and len(getattr(self, name)) != len(self.stage_channels):
                raise InputError(f"{name} has {len(getattr(self, name))} entries for {len(self.stage_channels)} "
                                 f"stages; give one for each.")
        check_count("timestep_channels", self.timestep_channels, 0, MAX_WIDTH)
        if self.timestep_channels % 2:
            raise InputError(f"timestep_channels is {self.timestep_channels}; give an even number, or 0 for none.")
        check_choice("attention_source", self.attention_source, ATTENTION_SOURCES)
        check_choice("refinement", self.refinement, REFINEMENTS)
        check_count("the number of stages", len(self.stage_channels), 1, MAX_STAGES)
        for name in ("middle_channels", "middle_size", "map_size", "num_ws", "w_dim", "modulation_channels"):
            check_count(name, getattr(self, name), 1, MAX_WIDTH)
        for name in ("stage_channels", "mapping_channels", "head_channels"):
            for width in getattr(self, name):
                check_count(name, width, 1, MAX_WIDTH)
        for size, widths, what in ((self.middle_size, self.mapping_channels, "mapping_channels"),
                                   (self.map_size, self.head_channels, "head_channels")):
            if size != 2 ** len(widths):
                raise InputError(f"{what} has {len(widths)} entries for a map of side {size}; "
                                 f"give one stride-2 convolution per halving down to 1x1.")

    @classmethod
    def for_layout(cls, layout: FeatureLayout, **sizes) -> "BridgeConfig":
        """The config of a bridge for features of `layout`; `sizes`: all fields that no layout decides."""
        stages = layout.stages
        return cls(family=layout.family, middle_channels=layout.middle_channels,
                   stage_channels=tuple(stage.channels for stage in stages),
                   stage_downsample=tuple(stage.downsample for stage in stages),
                   stage_attention_layers=tuple(stage.attention_layers for stage in stages),
                   context_channels=layout.context_channels, **sizes)

    @classmethod
    def between(cls, layout: FeatureLayout, features: StepFeatures, generator: Generator,
                sizes: BridgeSizes) -> "BridgeConfig":
        """Of a bridge from features like these to this generator.

        Maps are read at their own size, or the next smaller power of two.
        """
        middle = _power_of_two(min(features.h.shape[-2:]))
        largest = _power_of_two(max(min(f.shape[-2:]) for f in features.f))
        return cls.for_layout(
            layout, middle_size=middle, map_size=largest,
            num_ws=generator.config.num_ws, w_dim=generator.config.w_dim,
            mapping_channels=(sizes.mapping_width,) * (middle.bit_length() - 1),
            modulation_channels=sizes.modulation_width,
            head_channels=tuple(min(sizes.head_width, sizes.modulation_width * 2 ** level)
                                for level in range(largest.bit_length() - 1)),
            attention_source=sizes.attention_source, refinement=sizes.refinement,
            timestep_channels=sizes.timestep_channels,
            generator_fingerprint=generator.fingerprint, generator_name=generator.name)

    @property
    def layout(self) -> FeatureLayout:
        """The layout that the bridge was trained for, as far as it is known."""
        unknown = (None,) * len(self.stage_channels)
        stages = zip(self.stage_channels, self.stage_downsample or unknown, self.stage_attention_layers or unknown)
        return FeatureLayout(self.family, self.middle_channels,
                             tuple(StageLayout(channels, downsample, attention_layers=layers)
                                   for channels, downsample, layers in stages),
                             context_channels=self.context_channels)

    def check_layout(self, layout: FeatureLayout) -> None:
        """Refuse features of another U-Net, by the rule of `FeatureLayout.mismatch`; the message says what differs."""
        if difference := self.layout.mismatch(layout):
            raise InputError(
                f"The features do not fit this bridge: {difference}. Load a bridge that was trained for this diffusion "
                f"model, or sample with the kind of diffusion model that the bridge was trained for.")

    def check_generator(self, generator: Generator, relative: bool = False) -> None:
        """Refuse a generator that the bridge was not trained for; `relative` as in `GanLatent.check`."""
        check_made_for("This bridge", (self.num_ws, self.w_dim),
                       Lineage(self.generator_fingerprint, self.generator_name), generator, relative)

    @property
    def sizes(self) -> dict:
        """What a bridge to go on from must share: all but what it belongs to."""
        return {name: value for name, value in self.to_json().items() if name not in BELONGING}

    def to_json(self) -> dict:
        return asdict(self)


def _power_of_two(side: int) -> int:
    return 1 << (side.bit_length() - 1)
