"""Which square of a picture is used, and whether it is mirrored: for pictures, masks, cameras and prompts alike."""

import re
from dataclasses import dataclass

import torch
from torch import Tensor

from ...cameras import join_label, split_label
from ...cameras.reference import mirror_pose
from ...errors import InputError
from ...palette import CLASS_NAMES

_SIDES = re.compile(r"\b(left|right|leftmost|rightmost|clockwise|anticlockwise|counterclockwise)\b", re.IGNORECASE)
# Where class i goes when the picture is mirrored: left parts become right parts.
_MIRRORED = [CLASS_NAMES.index(name.replace("left", "?").replace("right", "left").replace("?", "right"))
             for name in CLASS_NAMES]


@dataclass(frozen=True)
class Augment:
    """How pictures may be varied; the defaults leave them alone.

    Neither is ever applied where a latent of the picture is known, as it would no longer be that picture's.

    Attributes:
        flip: mirror half of the pictures, with their masks (left and right parts change places) and cameras;
            never one whose prompt names a side.
        crop: the smallest share of the side that a random square may have, above 0 up to 1. Generators of aligned
            faces know no other framing, so leave it at 1 for them.
    """

    flip: bool = False
    crop: float = 1.0

    def __post_init__(self):
        if not 0 < self.crop <= 1:
            raise InputError(f"A crop of {self.crop} was given; it is the smallest share of the side that is kept, "
                             f"above 0 up to 1 (1 keeps all).")


@dataclass(frozen=True)
class Framing:
    """A square of the picture, as shares of its width and height, and whether it is mirrored after cutting.

    The square has its upper left corner at (`left`, `top`), is `width` of the picture's width wide and `height` of
    its height high.
    """

    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0
    flip: bool = False

    def box(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """(left, upper, right, lower) in pixels of a picture of `size` (width, height)."""
        width, height = size
        right, lower = min(self.left + self.width, 1.0), min(self.top + self.height, 1.0)
        return self.left * width, self.top * height, right * width, lower * height

    @property
    def whole(self) -> bool:
        """Whether the picture is used as it is."""
        return self == Framing()


def centred_square(size: tuple[int, int]) -> Framing:
    """The largest centred square of a picture of `size` (width, height), as core's ControlNet cuts hints."""
    side = min(size)
    left, top = ((length - side) / 2 for length in size)
    return Framing(left / size[0], top / size[1], side / size[0], side / size[1])


def frame(size: tuple[int, int], prompt: str, augment: Augment, rng: torch.Generator) -> Framing:
    """The largest centred square of a picture of `size` (width, height), varied as `augment` says.

    Always draws four numbers, so that what is drawn after does not depend on the options.
    """
    draws = torch.rand(4, generator=rng, dtype=torch.float64).tolist()
    side = min(size) * (augment.crop + (1 - augment.crop) * draws[0])
    if augment.crop < 1:
        # Corners stay within the centred square, so that a wide picture is not cut beside its head.
        slack = min(size) - side
        left, top = ((length - min(size)) / 2 + slack * draw for length, draw in zip(size, draws[1:3]))
    else:
        left, top = ((length - side) / 2 for length in size)
    flip = augment.flip and draws[3] < 0.5 and not names_a_side(prompt)
    return Framing(left / size[0], top / size[1], side / size[0], side / size[1], flip)


def names_a_side(prompt: str) -> bool:
    """Whether mirroring the picture would make the prompt wrong."""
    return _SIDES.search(prompt) is not None


def flip_classes(mask: Tensor) -> Tensor:
    """A class mask uint8 [H, W] mirrored: left eyes, brows and ears become right ones."""
    return torch.tensor(_MIRRORED, dtype=torch.uint8)[mask.flip(-1).long()]


def frame_camera(label: Tensor, framing: Framing) -> Tensor:
    """The label [25] of a square picture's camera after framing: intrinsics follow the crop, the pose the mirror."""
    pose, intrinsics = (part.clone() for part in split_label(label))
    intrinsics[0] /= framing.width
    intrinsics[1] /= framing.height
    intrinsics[0, 2] -= framing.left / framing.width
    intrinsics[1, 2] -= framing.top / framing.height
    if framing.flip:
        pose = mirror_pose(pose[None])[0]
        intrinsics[0, 2] = 1 - intrinsics[0, 2]
        intrinsics[0, 1] = -intrinsics[0, 1]
    return join_label(pose, intrinsics)
