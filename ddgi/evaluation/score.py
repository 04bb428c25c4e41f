"""Score images against head-world ground truth with the judges."""

import torch

from ..headworld import ATTRIBUTES
from ..palette import CLASS_NAMES
from ..perceptual import feature_distance
from .judges import Judges
from .metrics import attribute_hits, confusion, mean_iou, pixel_accuracy


class Score:
    """Collects one method's scores over batches.

    miou, pixel_accuracy: the judge segmenter's reading of the image against the true mask.
    attribute_accuracy: share of attributes that the judge classifier reads as the caption says.
    distance: LPIPS-like distance to the true image in the judge segmenter's features; lower is better.
    """

    def __init__(self, judges: Judges):
        self.judges = judges
        self.counts = torch.zeros(len(CLASS_NAMES), len(CLASS_NAMES), dtype=torch.long)
        self.hits: list[torch.Tensor] = []
        self.distances: list[torch.Tensor] = []
        self.gradients = torch.zeros(2)  # of the images and of the true ones, summed over batches

    @torch.no_grad()
    def add(self, image: torch.Tensor, truth) -> None:
        """image: [B, 3, H, W] in [-1, 1]; truth: a HeadWorldBatch at the judges' resolution."""
        image = self.judges.fit(image.float().clamp(-1, 1))
        self.counts += confusion(self.judges.segmenter(image).argmax(1), truth.mask)
        logits = self.judges.read(image)
        self.hits.append(attribute_hits([logits[name] for name in ATTRIBUTES], truth.attributes))
        self.distances.append(feature_distance(self.judges.features, image, truth.image))
        self.gradients += torch.stack([_gradient(image), _gradient(truth.image)])

    def result(self) -> dict[str, float]:
        return {"miou": round(mean_iou(self.counts), 4), "pixel_accuracy": round(pixel_accuracy(self.counts), 4),
                "attribute_accuracy": round(torch.cat(self.hits).float().mean().item(), 4),
                "distance": round(torch.cat(self.distances).mean().item(), 4)}

    def by_attribute(self) -> dict[str, float]:
        """Accuracy of each attribute."""
        shares = torch.cat(self.hits).float().mean(0)
        return {name: round(share, 4) for name, share in zip(ATTRIBUTES, shares.tolist())}

    def sharpness(self) -> float:
        """Mean gradient of the images over that of the true ones: 1 is as sharp, more is noise."""
        return round((self.gradients[0] / self.gradients[1]).item(), 4)


def _gradient(image: torch.Tensor) -> torch.Tensor:
    """Sum over a batch of each picture's mean absolute difference from one pixel to the next."""
    down, right = image.diff(dim=2).abs(), image.diff(dim=3).abs()
    return down.mean((1, 2, 3)).sum() + right.mean((1, 2, 3)).sum()
