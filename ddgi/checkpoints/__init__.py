"""Readers for generator files: ours, NVIDIA's .pkl and rosinality's .pt; nothing in a file is executed."""

from .inspection import inspect_file
from .reading import convert, load_generator

__all__ = ["convert", "inspect_file", "load_generator"]
