"""Generators that draw the same faces in another way: blends of relatives, and copies taught a style."""

from .blend import blend
from .config import StyliseConfig
from .lesson import Lesson, own_faces, style_faces
from .stylise import Stylist

__all__ = ["Lesson", "StyliseConfig", "Stylist", "blend", "own_faces", "style_faces"]
