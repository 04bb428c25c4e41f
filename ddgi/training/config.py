"""What can be chosen about a training."""

import dataclasses
from dataclasses import dataclass, field

from ..bridge import BridgeSizes
from ..config import check_choice, check_count, check_number, check_share
from ..errors import InputError
from .denoising import DISTRIBUTIONS
from .objective import TERMS
from .stage import constant_rate, cosine_rate

RATES = {"cosine": cosine_rate, "constant": constant_rate}
PRECISIONS = ("fp32", "bf16", "fp16")
CACHES = ("none", "disk")
LARGEST_COMPARED = 256                              # pixels a side of pictures, unless `loss_resolution` says more
MANY = 10 ** 9                                      # bound on counts of steps, which nothing is allocated by


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
        known_rendered: whether rows with a known latent are rendered too; M learns those faster from the latent alone.
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
    known_rendered: bool = True
    losses: dict[str, float] = field(default_factory=lambda: {
        "pixel": 1.0, "perceptual": 0.25, "identity": 0.1, "known_w": 1.0, "w_avg": 0.002})

    def __post_init__(self):
        for name, most in (("steps", MANY), ("batch", 65_536), ("accumulate", 65_536), ("warmup", MANY)):
            check_count(name, getattr(self, name), 1, most)
        check_number("rate", self.rate, above=0)
        for name in ("weight_decay", "clip"):
            check_number(name, getattr(self, name), least=0)
        for name in ("ema_decay", "own_share", "rendered_share"):
            check_share(name, getattr(self, name))
        check_choice("schedule", self.schedule, RATES)
        for name, weight in self.losses.items():
            check_choice("losses", name, TERMS)
            check_number(f"losses.{name}", weight, least=0)


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
        check_choice("denoising_steps", self.denoising_steps, DISTRIBUTIONS)
        check_choice("cache", self.cache, CACHES)
        for name, most in (("own_images", 10 ** 7), ("passes", 10 ** 7), ("statistics", 4096)):
            check_count(name, getattr(self, name), 1, most)


@dataclass(frozen=True)
class TrainConfig:
    """One training of a bridge: M (`mapping`), then T (`modulation`) with M frozen.

    Attributes:
        seed: of everything that is drawn.
        precision: "fp32", or "bf16"/"fp16" mixed precision.
        part_weights: whether eyes, mouth, glasses and other small parts count more in the pixel loss, where the data
            has masks.
        loss_resolution: pictures larger than this are shrunk to it before they are compared; 0 is what the diffusion
            model sees, at most `LARGEST_COMPARED`.
        held_out_share: share of the data that is never trained on. held_out: passes the score is measured on.
        evaluate_every: steps between two scores and previews.
        patience: scores without a new best after which a stage stops early; 0 never stops early.
        save_every: seconds between two checkpoints. log_every: steps in one point of the curves.
        perceptual: "vae" (features of the loaded VAE's encoder) or "lpips" (weights in `lpips_weights`).
        identity_weights: face-recognition file (IResNet-50 or IR-SE50); without it there is no identity loss.
    """

    seed: int = 0
    precision: str = "fp32"
    part_weights: bool = True
    loss_resolution: int = 0
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
    mapping: StageConfig = field(default_factory=lambda: StageConfig(known_rendered=False))
    modulation: StageConfig = field(default_factory=lambda: StageConfig(own_share=0.5))

    def __post_init__(self):
        check_choice("precision", self.precision, PRECISIONS)
        check_choice("perceptual", self.perceptual, ("vae", "lpips"))
        for name, most in (("held_out", 10 ** 6), ("evaluate_every", MANY), ("log_every", MANY)):
            check_count(name, getattr(self, name), 1, most)
        check_share("held_out_share", self.held_out_share)
        for name, most in (("patience", MANY), ("seed", 2 ** 31 - 1), ("loss_resolution", 8192)):
            check_count(name, getattr(self, name), 0, most)
        check_number("save_every", self.save_every, least=0)
        if self.mapping.own_share:
            raise InputError("mapping.own_share is set, but M learns from the true pictures (docs/method.md, loss of "
                             "M); remove it, or set modulation.own_share.")

    def to_json(self) -> dict:
        return dataclasses.asdict(self)
