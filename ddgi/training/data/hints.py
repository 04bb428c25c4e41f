"""Which hint a sample carries: the coloured mask, or a scribble drawn from the picture or from the mask."""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from ...errors import InputError
from ...facemask import mask_to_hint
from ...scribble import lines_from_image, lines_from_mask

SCRIBBLE_FROM = ("picture", "mask")


@dataclass(frozen=True)
class Hints:
    """What hints are made.

    Attributes:
        mask_share: share of samples with a mask hint, 0 to 1; the others get a scribble. Samples without a mask
            always get a scribble.
        size: pixels per side of the hint; None is the size of the image. ControlNets need 8 x the latent's size.
        scribble_from: draw scribbles along the lines of the "picture" or along the borders of the "mask"; samples
            without a mask are drawn from the picture.
        threshold, detail, thickness: as in `ddgi.scribble`.

    Raises:
        InputError: a value out of range.
    """

    mask_share: float = 0.5
    size: int | None = None
    scribble_from: str = "picture"
    threshold: float = 0.04
    detail: float = 1.0
    thickness: int = 1

    def __post_init__(self):
        if not 0 <= self.mask_share <= 1:
            raise InputError(f"A mask share of {self.mask_share} was given; it must be 0 (only scribbles) to 1 "
                             f"(only masks).")
        if self.size is not None and self.size < 8:
            raise InputError(f"A hint size of {self.size} was given; it must be at least 8 pixels.")
        if self.scribble_from not in SCRIBBLE_FROM:
            raise InputError(f"Scribbles from {self.scribble_from!r} were asked for; choose one of "
                             f"{', '.join(SCRIBBLE_FROM)}.")
        if self.detail <= 0 or self.thickness < 1:
            raise InputError(f"A scribble detail of {self.detail} and a thickness of {self.thickness} were given; "
                             f"detail must be above 0 and thickness at least 1.")

    def kind(self, has_mask: bool, rng: torch.Generator) -> str:
        """Draw "mask" or "scribble"; always uses one number of `rng`."""
        draw = torch.rand(1, generator=rng, dtype=torch.float64).item()
        return "mask" if has_mask and draw < self.mask_share else "scribble"

    def pixels(self, resolution: int) -> int:
        """Pixels per side of the hint for images of `resolution`."""
        return self.size or resolution

    def scribble(self, image: Tensor, classes: Tensor | None) -> Tensor:
        """Black lines on white [3, H, H] in 0..1 for an image [3, H, H] in -1..1 and its classes [H, H], if any."""
        if self.scribble_from == "mask" and classes is not None:
            lines = lines_from_mask(classes[None], self.thickness)
        else:
            pixels = ((image + 1) / 2).clamp(0, 1).permute(1, 2, 0)[None]
            lines = lines_from_image(pixels, self.threshold, self.detail, self.thickness)
        return lines.expand(3, -1, -1)

    def describe(self) -> dict:
        return asdict(self)


def mask_hint(classes: Tensor) -> Tensor:
    """Palette colours [3, H, W] in 0..1 of classes uint8 [H, W]."""
    return mask_to_hint(classes[None].cpu())[0].permute(2, 0, 1)
