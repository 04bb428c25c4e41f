"""Photographs as latents: the search for a generator's face that looks like a picture, and tuning it to fit."""

from .config import SPACES, ProjectionConfig, TuningConfig
from .search import Search, Target
from .tuning import tune

__all__ = ["SPACES", "ProjectionConfig", "Search", "Target", "TuningConfig", "tune"]
