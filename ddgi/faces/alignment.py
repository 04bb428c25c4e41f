"""Where faces are in pictures: FFHQ's square for each, as a value that can be undone."""

import dataclasses
import math

import torch
from torch import Tensor

from ..errors import InputError

MISSING = ("error", "skip", "centre")
EVERY_FACE = -1
_LARGEST = 16       # sides of a square in pictures; beyond, the points are wrong and memory would run out
_SMALLEST = 16      # pixels of a square's side; below, there is no face to see


@dataclasses.dataclass(frozen=True, eq=False)
class Alignment:
    """Squares around N faces in B pictures of one size.

    Attributes:
        matrix: float64 [N, 3, 3], from the unit square (u right, v down) to picture coordinates (pixels from the
            upper left corner).
        picture: for each face the index of its picture, 0..B - 1.
        points: float64 [N, 5, 2], `landmarks.POINTS` in the unit square; NaN where no face was found.
        picture_count: B.
        picture_size: (height, width) in pixels.

    Raises:
        InputError: counts differ or a matrix has no inverse.
    """

    matrix: Tensor
    picture: tuple[int, ...]
    points: Tensor
    picture_count: int
    picture_size: tuple[int, int]

    def __post_init__(self):
        n = len(self.picture)
        if self.matrix.shape != (n, 3, 3) or self.points.shape != (n, 5, 2) or n == 0:
            raise InputError(f"An alignment of {n} faces with matrices {list(self.matrix.shape)} and points "
                             f"{list(self.points.shape)} was given; align at least one face.")
        if not torch.isfinite(self.matrix).all() or (torch.linalg.det(self.matrix).abs() < 1e-9).any():
            raise InputError("A face's square has no area; its landmarks are wrong, detect it again.")
        if not all(0 <= index < self.picture_count for index in self.picture):
            raise InputError(f"An alignment names pictures {sorted(set(self.picture))}, but there are "
                             f"{self.picture_count}; align the pictures again.")

    def __len__(self) -> int:
        return len(self.picture)

    @property
    def side(self) -> Tensor:
        """Sides of the squares in pixels, [N]."""
        return self.matrix[:, :2, 0].norm(dim=1)

    @property
    def quad(self) -> Tensor:
        """Corners in picture coordinates, [N, 4, 2]: upper left, lower left, lower right, upper right."""
        corners = torch.tensor([[0, 0, 1], [0, 1, 1], [1, 1, 1], [1, 0, 1]], dtype=torch.float64)
        return (corners @ self.matrix.transpose(1, 2))[..., :2]

    def scaled(self, size: tuple[int, int]) -> "Alignment":
        """The same faces in enlarged or reduced copies of the pictures, of `size` (height, width)."""
        factors = [size[1] / self.picture_size[1], size[0] / self.picture_size[0], 1.0]
        matrix = torch.diag(torch.tensor(factors, dtype=torch.float64)) @ self.matrix
        return dataclasses.replace(self, matrix=matrix, picture_size=tuple(size))


def align(faces: list[Tensor], size: tuple[int, int], face_index: int = 0, missing: str = MISSING[0],
          scale: float = 1.0) -> Alignment:
    """Choose faces and lay FFHQ's square around each.

    Args:
        faces: for each picture [F, 5, 2], picture coordinates.
        size: (height, width) of the pictures.
        face_index: which face of each picture, in the detector's order; EVERY_FACE takes all.
        missing: what to do with a picture without that face: "error" refuses, "skip" leaves it out, "centre" takes
            its centre square.
        scale: side of the square, 1 as FFHQ.

    Raises:
        InputError: a face is missing where `missing` is "error", none is left at all, points are far outside or close
            together, or a setting is out of range.
    """
    if missing not in MISSING:
        raise InputError(f"The policy for missing faces is {missing!r}; it must be one of {', '.join(MISSING)}.")
    if face_index < EVERY_FACE or not 0 < scale < math.inf:
        raise InputError(f"A face index of {face_index} and a scale of {scale:g} were given; the index counts from 0 "
                         f"({EVERY_FACE} takes every face) and the scale is above 0, 1 as FFHQ.")
    matrices, pictures, points = [], [], []
    for index, found in enumerate(faces):
        chosen = found if face_index == EVERY_FACE else found[face_index:face_index + 1]
        for face in chosen:
            matrices.append(_checked(ffhq_matrix(face, scale), size, index))
            points.append(_to_unit(matrices[-1], face))
        if not len(chosen) and missing == "error":
            raise InputError(_no_face(index, len(faces), len(found), face_index))
        if not len(chosen) and missing == "centre":
            matrices.append(centre_matrix(size))
            points.append(torch.full((5, 2), torch.nan, dtype=torch.float64))
        pictures += [index] * (len(matrices) - len(pictures))
    if not matrices:
        raise InputError(f"None of the {len(faces)} picture(s) has the face asked for, so that nothing is left; give "
                         f"other pictures, or set missing to centre.")
    return Alignment(torch.stack(matrices), tuple(pictures), torch.stack(points), len(faces), tuple(size))


def ffhq_matrix(points: Tensor, scale: float = 1.0) -> Tensor:
    """Unit square to picture, float64 [3, 3], of one face [5, 2].

    With e from eye to eye and m from between the eyes to between the mouth corners, the picture's x axis points along
    e - rot90(m), the side is max(4 |e|, 3.6 |m|), and the centre lies 0.1 m below the eyes (Karras et al.,
    "Progressive Growing of GANs", 2018, appendix C; FFHQ is cut the same way).
    """
    points = points.double()
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    across, down = points[1] - points[0], mouth - eyes
    x = across + torch.stack([down[1], -down[0]])
    half = torch.maximum(2.0 * across.norm(), 1.8 * down.norm()) * scale
    x = x / x.norm() * half
    return _square(eyes + 0.1 * down, x)


def centre_matrix(size: tuple[int, int]) -> Tensor:
    """Unit square to the largest centred square of a picture of `size` (height, width), float64 [3, 3]."""
    centre = torch.tensor([size[1] / 2, size[0] / 2], dtype=torch.float64)
    return _square(centre, torch.tensor([min(size) / 2, 0.0], dtype=torch.float64))


def _square(centre: Tensor, x: Tensor) -> Tensor:
    """The square around `centre` whose half side along u is `x`."""
    y = torch.stack([-x[1], x[0]])
    matrix = torch.eye(3, dtype=torch.float64)
    matrix[:2] = torch.stack([2 * x, 2 * y, centre - x - y], 1)
    return matrix


def _to_unit(matrix: Tensor, points: Tensor) -> Tensor:
    return torch.linalg.solve(matrix[:2, :2], (points.double() - matrix[:2, 2]).T).T


def _checked(matrix: Tensor, size: tuple[int, int], index: int) -> Tensor:
    """The square, if it lies on the picture and is of a sane size."""
    side = float(matrix[:2, 0].norm())
    centre = matrix[:2, :2].sum(1) / 2 + matrix[:2, 2]
    reach = side / 2
    inside = (centre > -reach).all() and centre[0] < size[1] + reach and centre[1] < size[0] + reach
    if not inside or side > _LARGEST * max(size):
        raise InputError(f"A face of picture {index + 1} has its middle at {centre[0]:.0f}, {centre[1]:.0f} and a "
                         f"square of {side:.0f} pixels, but the picture is {size[1]} x {size[0]}; give points in "
                         f"pixels of this picture.")
    if side < _SMALLEST:
        raise InputError(f"A face of picture {index + 1} has a square of {side:.3g} pixels, too few to show a face; "
                         f"it needs {_SMALLEST} or more. Give points in pixels of this {size[1]} x {size[0]} picture, "
                         f"or a larger picture.")
    return matrix


def _no_face(index: int, pictures: int, found: int, face_index: int) -> str:
    which = f"Picture {index + 1} of {pictures}" if pictures > 1 else "The picture"
    has = "no face" if found == 0 else f"{found} face(s), counted from 0, but not number {face_index}"
    return (f"{which} has {has}; give a picture that shows the face, lower the detector's confidence, or set missing "
            f"to skip or centre.")
