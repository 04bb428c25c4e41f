"""Faces as latents that can be kept and changed: drawn, mixed, moved along directions; and files of those."""

from .combine import average, mix, nearest, parse_numbers, pick, stack
from .direction import Direction, Move, edit, series, unmoved
from .direction_files import load_directions, save_directions
from .find import channel_direction, fit_direction, pca_directions, sefa_directions
from .interpolate import PATHS, walk
from .latent_files import latent_of_picture, latent_text, load_latent
from .layers import GROUPS, layer_groups, parse_layers
from .sample import random_faces
from .sheet import direction_sheet
from .words import word_direction

__all__ = ["GROUPS", "PATHS", "Direction", "Move", "average", "channel_direction",
           "direction_sheet", "edit", "fit_direction",
           "latent_of_picture", "latent_text", "layer_groups", "load_directions", "load_latent", "mix", "nearest",
           "parse_layers", "parse_numbers", "pca_directions", "pick", "random_faces", "save_directions",
           "sefa_directions", "series", "stack", "unmoved", "walk", "word_direction"]
