"""Drawn styles: each a shader over the same heads and a row of `STYLES`."""

from .table import STYLES, Style, style_row

__all__ = ["STYLES", "Style", "style_row"]
