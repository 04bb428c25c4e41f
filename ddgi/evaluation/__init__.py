"""Scores: judges trained on the head world, metrics over tensors, and tables."""

from .judges import Judges, load_judges
from .metrics import attribute_hits, confusion, mean_iou, pixel_accuracy
from .score import Score
from .table import markdown_table

__all__ = ["Judges", "Score", "attribute_hits", "confusion", "load_judges", "markdown_table", "mean_iou",
           "pixel_accuracy"]
