"""Scores: judges trained on the head world, metrics over tensors, and tables."""

from .judges import Judges, JudgesConfig, load_judges
from .metrics import attribute_hits, confusion, mean_iou, pixel_accuracy
from .score import Score
from .table import attribute_table, markdown_table, view_tables
from .views import ConsistencyScore, ViewScore, before_wall, fit_depth, psnr, reproject, side_ratio, view_consistency

__all__ = ["ConsistencyScore", "Judges", "JudgesConfig", "Score", "ViewScore", "attribute_hits", "attribute_table",
           "before_wall", "confusion", "fit_depth", "load_judges", "markdown_table", "mean_iou", "pixel_accuracy",
           "psnr", "reproject", "side_ratio", "view_consistency", "view_tables"]
