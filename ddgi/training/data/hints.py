"""Which hint a sample carries: the coloured mask or a scribble, exact or as a hand draws it, or none."""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from einops import rearrange
from torch import Tensor

from ...config import check_share
from ...errors import InputError
from ...facemask import mask_to_hint
from ...roughness import leave_out, rough_lines, rough_mask, rough_scribble
from ...scribble import lines_from_image, lines_from_mask
from ...seeds import seeded

SCRIBBLE_FROM = ("picture", "mask")
# What may be missing from a drawing where the prompt names it; else the drawing says that it is not there.
NAMED_BY = {
    "glasses": re.compile(r"\b(eye|sun)?glasses\b|\bspectacles\b", re.IGNORECASE),
    "hat": re.compile(r"\b(hats?|caps?|beanie|helmet|hood)\b", re.IGNORECASE),
    "earrings": re.compile(r"\bearrings?\b|\bjewell?e?ry\b", re.IGNORECASE),
    "necklace": re.compile(r"\bnecklaces?\b|\bjewell?e?ry\b", re.IGNORECASE),
    "mouth": re.compile(r"\b(mouth|lips?|lipstick|smil\w+|laugh\w*|(un)?happy|sad|calm|neutral|serious|angry|"
                        r"surprised|astonished|expression)\b", re.IGNORECASE)}


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
        no_hint_share: share of samples without a hint, so that words count by themselves.
        rough_share: share of the hints that are drawn as by hand, see `ddgi.roughness`; scribbles that lie beside
            their pictures stay as they are.
        leave_out: how often a part is missing from a rough drawing, where the prompt names it, 0 to 1.

    Raises:
        InputError: a value out of range.
    """

    mask_share: float = 0.5
    size: int | None = None
    scribble_from: str = "picture"
    threshold: float = 0.04
    detail: float = 1.0
    thickness: int = 1
    no_hint_share: float = 0.0
    rough_share: float = 0.0
    leave_out: float = 0.3

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
        for name in ("no_hint_share", "rough_share", "leave_out"):
            check_share(name, getattr(self, name))

    def kind(self, has_mask: bool, rng: torch.Generator) -> str:
        """Draw "mask" or "scribble"; always uses one number of `rng`."""
        draw = torch.rand(1, generator=rng, dtype=torch.float64).item()
        return "mask" if has_mask and draw < self.mask_share else "scribble"

    def pixels(self, resolution: int) -> int:
        """Pixels per side of the hint for images of `resolution`."""
        return self.size or resolution

    def draw(self, kind: str, prompt: str, rng: torch.Generator, classes: Callable[[], Tensor] | None,
             lines: Callable[[], Tensor], by_hand: bool = False) -> Tensor | None:
        """The hint of a sample, [3, H, H] in 0..1, or None.

        Args:
            kind: as `kind` drew it.
            rng: exact hints of every sample use nothing of it, others one number.
            classes: gives uint8 [H, H]; None where there is no mask.
            lines: gives the exact scribble, bool [H, H], True on a line.
            by_hand: the scribble was drawn by hand already.
        """
        if not self.no_hint_share and not self.rough_share:
            return mask_hint(classes()) if kind == "mask" else _paper(lines())
        own = seeded(torch.randint(2 ** 62, (), generator=rng).item())
        dropped, rough = torch.rand(2, generator=own, dtype=torch.float64).tolist()
        if dropped < self.no_hint_share:
            return None
        if rough >= self.rough_share or (kind == "scribble" and by_hand):
            return mask_hint(classes()) if kind == "mask" else _paper(lines())
        if classes is None:
            return _paper(rough_lines(lines(), own))
        named = {group for group, words in NAMED_BY.items() if words.search(prompt)}
        drawn = leave_out(classes(), [group for group in NAMED_BY if group in named
                                      and torch.rand((), generator=own).item() < self.leave_out])
        keep = NAMED_BY.keys() - named
        return mask_hint(rough_mask(drawn, own, keep)) if kind == "mask" else _paper(rough_scribble(drawn, own, keep))

    def lines(self, image: Tensor, classes: Tensor | None) -> Tensor:
        """The exact scribble of an image [3, H, H] in -1..1 and its classes [H, H], if any: bool [H, H]."""
        if self.scribble_from == "mask" and classes is not None:
            return lines_from_mask(classes[None], self.thickness)[0] < 0.5
        pixels = rearrange(((image + 1) / 2).clamp(0, 1), "c h w -> 1 h w c")
        return lines_from_image(pixels, self.threshold, self.detail, self.thickness)[0] < 0.5

    def describe(self) -> dict:
        return asdict(self)


def mask_hint(classes: Tensor) -> Tensor:
    """Palette colours [3, H, W] in 0..1 of classes uint8 [H, W]."""
    return rearrange(mask_to_hint(classes[None].cpu())[0], "h w c -> c h w")


def _paper(lines: Tensor) -> Tensor:
    """Black lines on white [3, H, W] in 0..1 of lines bool [H, W]."""
    return (~lines).float().expand(3, -1, -1)
