"""Face masks in pictures: what one may be, and how class colours, class numbers and their orders are read."""

from .colours import PALETTES, is_class_picture, mask_to_hint
from .order import ORDERS, likely_order
from .reading import READINGS, NoMask, numbers_in, read_mask, resize_mask

__all__ = ["ORDERS", "PALETTES", "READINGS", "NoMask", "is_class_picture", "likely_order", "mask_to_hint", "numbers_in",
           "read_mask", "resize_mask"]
