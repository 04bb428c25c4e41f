"""A drawn picture before its finish, and what finishes share: lines, blurs and noise in the picture plane."""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..paint import soft
from ..parameters import HeadParameters

# Classes of the mask that finishes treat apart.
SKIN, NOSE, GLASSES, EYES, BROWS, MOUTH, LIPS = 1, 2, 3, (4, 5), (6, 7), 10, (11, 12)
INK_STEP = 0.15                                # second difference of depth in head units that begins to draw a line


@dataclass(frozen=True)
class Picture:
    """A batch of heads at the size S they are drawn at.

    image: [B, 3, S, S] display values in 0..1.
    classes: uint8 [B, S, S].
    depth: [B, S, S] in head units along the ray, `far` where nothing is met.
    parameters: what the heads look like.
    factor: S over the final size.
    white: the background is to stay white.
    """

    image: Tensor
    classes: Tensor
    depth: Tensor
    parameters: HeadParameters
    factor: int
    white: bool

    @property
    def size(self) -> int:
        return self.image.shape[-1]

    @property
    def head(self) -> Tensor:
        """1.0 on the head, 0.0 on the background; [B, 1, S, S]."""
        return (self.classes > 0)[:, None].to(self.image.dtype)

    def on(self, *classes: int) -> Tensor:
        """Which pixels belong to any of some classes; bool [B, 1, S, S]."""
        return torch.isin(self.classes, torch.tensor(classes, device=self.classes.device))[:, None]

    def softened(self) -> Tensor:
        """The image with the pixels at class borders blended with their neighbours, against staircases."""
        classes = self.classes[:, None].float()
        edge = (F.max_pool2d(classes, 3, 1, 1) + F.max_pool2d(-classes, 3, 1, 1)).clamp(0, 1)
        weights = self.image.new_tensor([[1, 2, 1], [2, 4, 2], [1, 2, 1]]).div(16).expand(3, 1, 3, 3)
        smooth = F.conv2d(F.pad(self.image, (1, 1, 1, 1), mode="replicate"), weights, groups=3)
        return torch.lerp(self.image, smooth, edge * 0.85)

    def closed(self) -> "Picture":
        """The same without the pinholes that grazing rays leave: a line must not be drawn around them."""
        head = self.head
        hole = (-F.max_pool2d(-F.max_pool2d(head, 3, 1, 1), 3, 1, 1) > head)[:, 0]
        classes = F.max_pool2d(self.classes[:, None].float(), 3, 1, 1)[:, 0].to(torch.uint8)
        nearest = -F.max_pool2d(-self.depth[:, None], 3, 1, 1)[:, 0]
        around = F.avg_pool2d(self.image * head, 3, 1, 1) / F.avg_pool2d(head, 3, 1, 1).clamp_min(1e-6)
        return replace(self, image=torch.where(hole[:, None], around, self.image),
                       classes=torch.where(hole, classes, self.classes),
                       depth=torch.where(hole, nearest, self.depth))

    def pixels(self, share: float, least: float = 1.0) -> int:
        """An odd number of drawn pixels: `share` of the picture's side, at least `least` final pixels."""
        return int(max(share * self.size, least * self.factor)) // 2 * 2 + 1

    def reduced(self, image: Tensor) -> Tensor:
        """Any image at the final size."""
        return F.avg_pool2d(image, self.factor) if self.factor > 1 else image


def borders(classes: Tensor, *skin: int) -> Tensor:
    """1.0 at the last pixel before another class to the right or below; [B, 1, S, S].

    skin: classes that count as skin, besides the nose, which has no border of its own.
    """
    table = torch.arange(19, device=classes.device)
    table[[NOSE, *skin]] = SKIN
    c = table[classes.long()]
    right = F.pad(c[:, :, 1:] != c[:, :, :-1], (0, 1))
    below = F.pad(c[:, 1:] != c[:, :-1], (0, 0, 0, 1))
    return (right | below)[:, None].float()


def creases(depth: Tensor, step: float = INK_STEP) -> Tensor:
    """Up to 1.0 where depth jumps or folds, in head units, over two hundredths of the picture; [B, 1, S, S]."""
    reach = max(depth.shape[-1] // 100, 1)
    d = depth[:, None]
    padded = F.pad(d, (reach,) * 4, mode="replicate")
    size = d.shape[-1]

    def bend(x: int, y: int) -> Tensor:
        ahead = padded[..., reach + y:reach + y + size, reach + x:reach + x + size]
        behind = padded[..., reach - y:reach - y + size, reach - x:reach - x + size]
        return ahead + behind - 2 * d                     # positive on the nearer side of a step

    return (torch.maximum(bend(reach, 0), bend(0, reach)) / step - 1).clamp(0, 1)


def under_nose(classes: Tensor) -> Tensor:
    """1.0 at the last pixel of a nose above skin, [B, 1, S, S]: the one line of a nose that is drawn."""
    return F.pad((classes[:, :-1] == NOSE) & (classes[:, 1:] == SKIN), (0, 0, 0, 1))[:, None].float()


def thicken(lines: Tensor, width: int) -> Tensor:
    """Round lines of about a width in pixels (odd) with soft rims, [B, 1, S, S] in 0..1."""
    return soft(blur(lines, width) * width - 0.42, 0.30)


def blur(image: Tensor, width: int) -> Tensor:
    """Tent-like blur: two box means of an odd width in pixels."""
    for _ in range(2):
        image = F.avg_pool2d(F.pad(image, (width // 2,) * 4, mode="replicate"), width, 1)
    return image


def noise(size: int, cells: float, seed: int, like: Tensor) -> Tensor:
    """Smooth noise [1, 1, S, S] of mean 0 and spread about 1, the same every time.

    cells: knots along the picture's side.
    """
    knots = max(int(cells), 2)
    values = torch.randn(1, 1, knots, knots, generator=torch.Generator("cpu").manual_seed(seed)).to(like)
    return F.interpolate(values, (size, size), mode="bicubic", align_corners=False)


def wobble(image: Tensor, amount: float, cells: float, seed: int) -> Tensor:
    """The image as an unsteady hand draws it: displaced smoothly by about `amount` of its side."""
    size = image.shape[-1]
    line = (torch.arange(size, device=image.device) + 0.5) / size * 2 - 1
    shift = torch.cat([noise(size, cells, seed, image), noise(size, cells, seed + 1, image)], 1) * 2 * amount
    grid = torch.stack([line.expand(size, size), line[:, None].expand(size, size)], -1) + shift[0].permute(1, 2, 0)
    return F.grid_sample(image, grid.expand(len(image), -1, -1, -1), padding_mode="border", align_corners=False)
