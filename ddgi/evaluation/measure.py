"""One method's scores against true pictures, collected batch by batch; networks are passed in as callables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..palette import CLASS_NAMES
from ..perceptual import Distance
from .distances import SMALLEST, frechet_distance, kernel_distance, ms_ssim
from .metrics import class_iou, confusion, mean_iou, pixel_accuracy

# What is measured, in the order of the reports, and which of lower and higher is better.
METRICS = {"fid": "lower", "kid": "lower", "lpips": "lower", "ms_ssim": "higher", "identity": "higher",
           "pixel_accuracy": "higher", "miou": "higher", "words": "higher", "seconds": "lower"}
_DIGITS = 5


@dataclass(frozen=True)
class Networks:
    """What the metrics look through; pictures are [B, 3, S, S] in -1..1.

    Attributes:
        features: pictures to [B, D], for FID and KID. distance: of two pictures, [B], for LPIPS.
        identity: pictures to unit face vectors [B, D]. parse: pictures to classes uint8 [B, S, S].
        words: pictures and as many prompts to scores [B], NaN where a prompt says nothing that it knows.
    """

    features: Callable[[Tensor], Tensor]
    distance: Distance
    identity: Callable[[Tensor], Tensor]
    parse: Callable[[Tensor], Tensor]
    words: Callable[[Tensor, Sequence[str]], Tensor]


@dataclass(frozen=True)
class Truth:
    """True pictures [B, 3, S, S] with their masks, classes uint8 [B, S, S] or None, prompts, and what networks see."""

    pictures: Tensor
    masks: Tensor | None
    prompts: Sequence[str]
    features: Tensor
    identities: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, pictures: Tensor, masks: Tensor | None, prompts: Sequence[str], networks: Networks) -> "Truth":
        return cls(pictures, masks, prompts, networks.features(pictures).cpu(), networks.identity(pictures).cpu())


class Measure:
    """Collects one method's scores."""

    def __init__(self, networks: Networks):
        self.networks = networks
        self.features: list[Tensor] = []
        self.values: dict[str, list[Tensor]] = {name: [] for name in ("lpips", "ms_ssim", "identity", "words")}
        self.counts = torch.zeros(len(CLASS_NAMES), len(CLASS_NAMES), dtype=torch.long)
        self.seconds = 0.0

    @torch.no_grad()
    def add(self, pictures: Tensor, truth: Truth | None = None, seconds: float = 0.0) -> None:
        """Pictures [B, 3, S, S] in -1..1 at the true ones' size; truth: None where they are not paired."""
        self.seconds += seconds
        self.features.append(self.networks.features(pictures).cpu())
        if truth is None:
            return
        kept = self.values
        kept["lpips"].append(self.networks.distance(pictures, truth.pictures).cpu())
        kept["identity"].append((self.networks.identity(pictures).cpu() * truth.identities).sum(1))
        kept["words"].append(self.networks.words(pictures, truth.prompts).cpu())
        if min(pictures.shape[-2:]) >= SMALLEST:
            kept["ms_ssim"].append(ms_ssim(pictures, truth.pictures).cpu())
        if truth.masks is not None:
            self.count_parts(pictures, truth.masks)

    @torch.no_grad()
    def count_parts(self, pictures: Tensor, masks: Tensor) -> None:
        """What the parser sees in pictures, against masks."""
        self.counts += confusion(self.networks.parse(pictures).cpu(), masks)

    def result(self, truth: Tensor, *, subsets: int, subset_size: int, seed: int) -> dict[str, float | None]:
        """Every metric of `METRICS`, None where it could not be measured, and "iou" of each part.

        Args:
            truth: features [N, D] of all true pictures. subsets, subset_size, seed: of `kernel_distance`.
        """
        own, masked = torch.cat(self.features), bool(self.counts.sum())
        measured = {"fid": frechet_distance(own, truth),
                    "kid": kernel_distance(own, truth, subsets=subsets, size=subset_size, seed=seed),
                    **{name: _mean(parts) for name, parts in self.values.items()},
                    "pixel_accuracy": pixel_accuracy(self.counts) if masked else None,
                    "miou": mean_iou(self.counts) if masked else None,
                    "seconds": self.seconds / len(own) if self.seconds else None}
        found = {name: None if measured[name] is None else round(measured[name], _DIGITS) for name in METRICS}
        return {**found, "count": len(own), "iou": class_iou(self.counts)}


def _mean(parts: list[Tensor]) -> float | None:
    """The mean of all that are numbers, None where none is."""
    values = torch.cat(parts) if parts else torch.empty(0)
    values = values[~values.isnan()]
    return values.double().mean().item() if len(values) else None
