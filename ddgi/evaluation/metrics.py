"""Scores over tensors; networks are passed in as callables."""

import torch

from ..palette import CLASS_NAMES


def confusion(predicted: torch.Tensor, truth: torch.Tensor, classes: int = len(CLASS_NAMES)) -> torch.Tensor:
    """Counts [classes, classes] (rows: truth) from two index maps of the same shape."""
    pairs = truth.flatten().long() * classes + predicted.flatten().long()
    return torch.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def mean_iou(counts: torch.Tensor) -> float:
    """Mean over the classes that occur in the truth of intersection / union, counted over all images together."""
    counts = counts.double()
    hit = counts.diagonal()
    union = counts.sum(0) + counts.sum(1) - hit
    present = counts.sum(1) > 0
    return (hit[present] / union[present]).mean().item()


def class_iou(counts: torch.Tensor) -> dict[str, float]:
    """Intersection / union of each class that occurs in the truth, by its name."""
    counts = counts.double()
    union = counts.sum(0) + counts.sum(1) - counts.diagonal()
    return {name: round((counts[place, place] / union[place]).item(), 4)
            for place, name in enumerate(CLASS_NAMES) if counts[place].sum() > 0}


def pixel_accuracy(counts: torch.Tensor) -> float:
    """Share of pixels with the right class."""
    return (counts.diagonal().sum() / counts.sum()).item()


def attribute_hits(logits: list[torch.Tensor], truth: torch.Tensor) -> torch.Tensor:
    """bool [B, attributes]: whether the most likely value of each attribute is the true one."""
    return torch.stack([values.argmax(1) for values in logits], dim=1) == truth
