"""What can be chosen about a training, and how it is read from a TOML recipe."""

import dataclasses
import difflib
import typing
from dataclasses import dataclass, field
from pathlib import Path

from ..bridge import ATTENTION_SOURCES, REFINEMENTS
from ..errors import InputError
from .denoising import DISTRIBUTIONS
from .objective import TERMS
from .stage import constant_rate, cosine_rate

RATES = {"cosine": cosine_rate, "constant": constant_rate}
PRECISIONS = ("fp32", "bf16", "fp16")
CACHES = ("none", "disk")


@dataclass(frozen=True)
class StageConfig:
    """How M, or T, is trained.

    Attributes:
        steps: optimiser steps. batch: samples in a step; with `accumulate` parts, each part has that many, and with
            several processes, each process.
        rate: highest learning rate of AdamW, reached after `warmup` steps. schedule: "cosine" or "constant" from there.
        clip: largest gradient norm; 0 does not clip.
        ema_decay: of the averaged weights, which are the ones kept.
        own_share: share of samples whose picture is the diffusion model's own finished image I_0^d (only T: M learns
            from the true pictures).
        rendered_share: share of a batch that is rendered for the losses on pictures; all of it has the losses on w.
        losses: weight of each term of `objective.TERMS`; a term that a recipe does not name keeps its weight.
    """

    steps: int = 20_000
    batch: int = 8
    accumulate: int = 1
    rate: float = 1e-4
    schedule: str = "cosine"
    warmup: int = 50
    weight_decay: float = 1e-3
    clip: float = 1.0
    ema_decay: float = 0.999
    own_share: float = 0.0
    rendered_share: float = 1.0
    losses: dict[str, float] = field(default_factory=lambda: {
        "pixel": 1.0, "perceptual": 0.25, "identity": 0.1, "known_w": 1.0, "w_avg": 0.002})

    def __post_init__(self):
        for name in ("steps", "batch", "accumulate", "warmup"):
            _at_least(name, getattr(self, name), 1)
        _above("rate", self.rate, 0)
        for name in ("weight_decay", "clip"):
            _at_least(name, getattr(self, name), 0)
        for name in ("ema_decay", "own_share", "rendered_share"):
            _share(name, getattr(self, name))
        _choice("schedule", self.schedule, RATES)
        for name, weight in self.losses.items():
            _choice("losses", name, TERMS)
            _at_least(f"losses.{name}", weight, 0)


@dataclass(frozen=True)
class FeatureConfig:
    """How E, the frozen diffusion model, reads the pictures.

    Attributes:
        denoising_steps: distribution of the denoising step t, see `denoising.DISTRIBUTIONS`.
        own_images: how many samples the diffusion model finishes its own image for; T's targets.
        cache: "none" runs E in every step; "disk" runs it `passes` times and keeps the features.
        passes: cached U-Net passes for M, and as many for T.
        statistics: passes that measure the mean and spread of the features.
    """

    denoising_steps: str = "uniform"
    own_images: int = 2000
    cache: str = "none"
    passes: int = 8000
    statistics: int = 64

    def __post_init__(self):
        _choice("denoising_steps", self.denoising_steps, DISTRIBUTIONS)
        _choice("cache", self.cache, CACHES)
        for name in ("own_images", "passes", "statistics"):
            _at_least(name, getattr(self, name), 1)


@dataclass(frozen=True)
class BridgeSizes:
    """Widths and readings of the bridge; sizes of maps follow from the diffusion model."""

    attention_source: str = "output"
    refinement: str = "both"
    mapping_width: int = 512
    modulation_width: int = 64
    head_width: int = 512

    def __post_init__(self):
        _choice("attention_source", self.attention_source, ATTENTION_SOURCES)
        _choice("refinement", self.refinement, REFINEMENTS)
        for name in ("mapping_width", "modulation_width", "head_width"):
            _at_least(name, getattr(self, name), 1)


@dataclass(frozen=True)
class TrainConfig:
    """One training of a bridge: M (`mapping`), then T (`modulation`) with M frozen.

    Attributes:
        seed: of everything that is drawn.
        precision: "fp32", or "bf16"/"fp16" mixed precision.
        part_weights: whether eyes, mouth, glasses and other small parts count more in the pixel loss, where the data
            has masks.
        loss_resolution: pictures larger than this are shrunk to it before they are compared.
        held_out_share: share of the data that is never trained on. held_out: passes the score is measured on.
        evaluate_every: steps between two scores and previews.
        patience: scores without a new best after which a stage stops early; 0 never stops early.
        save_every: seconds between two checkpoints. log_every: steps in one point of the curves.
        perceptual: "vae" (features of the loaded VAE's encoder) or "lpips" (installed, weights in `lpips_weights`).
        identity_weights: face-recognition file (IResNet-50); without it there is no identity loss.
    """

    seed: int = 0
    precision: str = "fp32"
    part_weights: bool = True
    loss_resolution: int = 256
    held_out_share: float = 0.05
    held_out: int = 64
    evaluate_every: int = 500
    patience: int = 0
    save_every: float = 300.0
    log_every: int = 50
    perceptual: str = "vae"
    lpips_weights: str = ""
    identity_weights: str = ""
    features: FeatureConfig = field(default_factory=FeatureConfig)
    bridge: BridgeSizes = field(default_factory=BridgeSizes)
    mapping: StageConfig = field(default_factory=StageConfig)
    modulation: StageConfig = field(default_factory=lambda: StageConfig(own_share=0.5))

    def __post_init__(self):
        _choice("precision", self.precision, PRECISIONS)
        _choice("perceptual", self.perceptual, ("vae", "lpips"))
        for name in ("loss_resolution", "held_out", "evaluate_every", "log_every"):
            _at_least(name, getattr(self, name), 1)
        _share("held_out_share", self.held_out_share)
        for name in ("patience", "save_every", "seed"):
            _at_least(name, getattr(self, name), 0)
        if self.mapping.own_share:
            raise InputError("mapping.own_share is set, but M learns from the true pictures (docs/method.md, loss of "
                             "M); remove it, or set modulation.own_share.")

    def to_json(self) -> dict:
        return dataclasses.asdict(self)


def read_recipe(path: str | Path) -> dict:
    """The tables of a TOML file.

    Raises:
        InputError: there is no such file, or it is no TOML; the message has the line.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no recipe {path}; check the name.")
    try:
        toml = _toml()
        return toml.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise InputError(f"{path.name} is not readable as TOML ({error}); mend that line.") from error


def _toml():
    try:
        import tomllib
    except ImportError:  # Python 3.10
        try:
            import tomli as tomllib
        except ImportError as error:
            raise InputError("Recipes need Python 3.11, or the package tomli on Python 3.10; "
                             "run: pip install tomli") from error
    return tomllib


def build(kind: type, values: dict, where: str = ""):
    """A config dataclass from a TOML table, tables inside included; what is not given keeps its default.

    Raises:
        InputError: an unknown key, a wrong type or a value out of range; the message names the key.
    """
    known = {f.name: f for f in dataclasses.fields(kind)}
    hints, given = typing.get_type_hints(kind), {}
    for key, value in values.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            meant = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}."
            raise InputError(f"The recipe has an unknown key {where}{key}; {meant}")
        given[key] = _value(hints[key], value, f"{where}{key}", known[key])
    try:
        return kind(**given)
    except InputError as error:
        table = f"[{where[:-1]}] of the recipe" if where else "the recipe"
        raise InputError(f"In {table}: {error}") from error


def _value(hint, value, name: str, known: dataclasses.Field):
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise InputError(f"{name} is {value!r} in the recipe; it is a table, write [{name}] above its keys.")
        kept = dataclasses.asdict(known.default_factory())
        return build(hint, {**kept, **value}, f"{name}.")
    if typing.get_origin(hint) is dict:
        if not isinstance(value, dict) or not all(_is_number(v) for v in value.values()):
            raise InputError(f"{name} is {value!r} in the recipe; it is a table of numbers.")
        return {**known.default_factory(), **{key: float(number) for key, number in value.items()}}
    if hint is float and _is_number(value):
        return float(value)
    if type(value) is not hint:
        raise InputError(f"{name} is {value!r} in the recipe; it must be of type {hint.__name__}.")
    return value


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _at_least(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise InputError(f"{name} is {value}; it must be at least {least}.")


def _above(name: str, value: float, limit: float) -> None:
    if not value > limit:
        raise InputError(f"{name} is {value}; it must be above {limit}.")


def _share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise InputError(f"{name} is {value}; it is a share, 0 to 1.")


def _choice(name: str, value: str, choices) -> None:
    if value not in choices:
        raise InputError(f"{name} is {value!r}; choose from {', '.join(choices)}.")
