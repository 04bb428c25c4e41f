"""Head world: procedural 3D heads with image, mask, scribble, depth, camera and caption."""

from .caption import VOCABULARY, caption, parse_caption
from .contact_sheet import contact_sheet, write_contact_sheet
from .parameters import ATTRIBUTES, FACTORS, Z_DIM, HeadParameters, parameters_from_z, stack_seeds, z_from_seed
from .render import HeadWorldBatch, default_cameras, render_batch, studio_wall
from .scribble import scribble_from_mask_and_depth

__all__ = [
    "ATTRIBUTES", "FACTORS", "VOCABULARY", "Z_DIM", "HeadParameters", "HeadWorldBatch", "caption", "contact_sheet",
    "default_cameras", "parameters_from_z", "parse_caption", "render_batch", "scribble_from_mask_and_depth",
    "stack_seeds", "studio_wall", "write_contact_sheet", "z_from_seed",
]
