"""Head world: procedural 3D heads with image, mask, scribble, depth, camera and caption, in several drawn styles."""

from .caption import caption, named_attributes, parse_caption
from .contact_sheet import contact_sheet, style_sheet, write_contact_sheet
from .parameters import ATTRIBUTES, FACTORS, Z_DIM, HeadParameters, parameters_from_z, stack_seeds, z_from_seed
from .render import HeadWorldBatch, default_cameras, render_batch, studio_wall
from .scribble import scribble_from_mask_and_depth
from .shapes import WORN
from .styles import STYLES, Style
from .words import LATER_WORDS, VOCABULARY, unknown_words

__all__ = [
    "ATTRIBUTES", "FACTORS", "LATER_WORDS", "STYLES", "VOCABULARY", "WORN", "Z_DIM", "HeadParameters",
    "HeadWorldBatch", "Style", "caption", "contact_sheet", "default_cameras", "named_attributes",
    "parameters_from_z", "parse_caption", "render_batch", "scribble_from_mask_and_depth", "stack_seeds",
    "studio_wall", "style_sheet", "unknown_words", "write_contact_sheet", "z_from_seed",
]
