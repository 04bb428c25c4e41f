"""Generators that draw the same faces in another way: blends of relatives, and copies taught a style."""

from .blend import blend

__all__ = ["blend"]
