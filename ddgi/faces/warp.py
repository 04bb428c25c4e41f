"""Cut faces out of pictures and put them back."""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..errors import InputError
from .alignment import Alignment

_MARGIN = 3             # source pixels around the square that the bicubic filter may read
_PADDING = 0.3          # of the side: how soon a mirrored border has become one colour, at least
_BLUR = 0.02            # of the side: blur of what lies outside the picture


def cut_faces(pictures: Tensor, alignment: Alignment, size: int) -> Tensor:
    """Upright square pictures of the faces, [N, size, size, C] in 0..1.

    What a square covers outside its picture is the mirrored picture, blurred, and fades to the median colour with the
    distance, as in FFHQ; unlike there, no pixel inside the picture changes, so that a face can be put back.

    Args:
        pictures: [B, H, W, C] in 0..1.
        alignment: made for these pictures.
        size: side of the result in pixels.

    Raises:
        InputError: the alignment was made for other pictures.
    """
    if len(pictures) != alignment.picture_count or pictures.shape[1:3] != alignment.picture_size:
        raise _other_pictures(pictures, alignment)
    faces = [_cut(rearrange(pictures[index], "h w c -> c h w").float(), matrix, size)
             for index, matrix in zip(alignment.picture, alignment.matrix)]
    return rearrange(faces, "n c h w -> n h w c")


def paste_faces(pictures: Tensor, faces: Tensor, alignment: Alignment, feather: float = 0.1,
                mask: Tensor | None = None) -> Tensor:
    """Pictures [B, H, W, C] with the faces in their places; later faces lie over earlier ones.

    Args:
        pictures: [B, H, W, C] in 0..1, those of the alignment or larger or smaller copies.
        faces: [N, S, S, C] in 0..1, any S.
        alignment: from cutting the faces.
        feather: share of the square's side over which the face fades in from each border, 0..0.5.
        mask: [N or 1, h, w] in 0..1 over the square, 1 where the face is wanted; its borders are softened by a
            quarter of the feather.

    Raises:
        InputError: counts or shapes do not fit the alignment.
    """
    alignment = _check_paste(pictures, faces, alignment, feather, mask)
    result = rearrange(pictures.float(), "b h w c -> b c h w").clone()
    channels = min(result.shape[1], faces.shape[-1])
    for number, (index, matrix) in enumerate(zip(alignment.picture, alignment.matrix)):
        cover = None if mask is None else mask[min(number, len(mask) - 1)].float()[None]
        face = rearrange(faces[number, ..., :channels], "h w c -> c h w").float()
        _paste(result[index, :channels], face, matrix, feather, cover)
    return rearrange(result, "b c h w -> b h w c")


def _cut(picture: Tensor, matrix: Tensor, size: int) -> Tensor:
    """One face [C, size, size] of one picture [C, H, W]."""
    side = float(matrix[:2, 0].norm())
    shrink = max(1, int(side / size))                       # whole pixels are averaged first, then the grid is finer
    finer = 1 if side <= size * 1.001 * shrink else 2
    low, high = _bounds(matrix, _MARGIN * shrink)
    high = low + ((high - low + shrink - 1) // shrink) * shrink
    rows = torch.arange(low[1], high[1], device=picture.device)
    columns = torch.arange(low[0], high[0], device=picture.device)
    height, width = picture.shape[1:]
    area = picture[:, _mirror(rows, height)][:, :, _mirror(columns, width)]
    outside = torch.maximum(_outside(rows, height, side)[:, None], _outside(columns, width, side)[None])
    if shrink > 1:
        area, outside = F.avg_pool2d(area, shrink), F.avg_pool2d(outside[None], shrink)[0]
    if outside.max() > 0:
        area = _fade(area, outside, _BLUR * side / shrink)
    points = (_pixel_centres(size * finer, size * finer, 1.0 / (size * finer)) @ matrix[:2, :2].T + matrix[:2, 2])
    face = _sample(area, (points - low) / shrink, "bicubic")
    return F.avg_pool2d(face, finer).clamp(0, 1)


def _paste(target: Tensor, face: Tensor, matrix: Tensor, feather: float, cover: Tensor | None) -> None:
    """Blend one face [C, S, S] into one picture [C, H, W], in place."""
    low, high = _bounds(matrix, 1)
    limit = torch.tensor([target.shape[2], target.shape[1]])
    low, high = low.clamp_min(0), torch.minimum(high, limit)
    width, height = (high - low).tolist()
    if width <= 0 or height <= 0:
        return
    unit = (_pixel_centres(height, width, 1.0) + low - matrix[:2, 2]) @ torch.linalg.inv(matrix[:2, :2]).T
    border = torch.minimum(unit, 1 - unit).amin(-1).to(target)                      # [height, width], 0 at the border
    weight = _smooth(border / feather) if feather else (border >= 0).to(target)
    side = max(1, round(float(matrix[:2, 0].norm())))
    if cover is not None:
        soft = _blurred(_reduced(cover.to(target), side), 0.25 * feather * min(side, cover.shape[-1]))
        weight = weight * _sample(soft, unit * _extent(soft), "bilinear")[0].clamp(0, 1)
    face = _reduced(face.to(target), side)
    new = _sample(face, unit * _extent(face), "bicubic").clamp(0, 1)
    part = target[:, low[1]:high[1], low[0]:high[0]]
    part.copy_(torch.lerp(part, new, weight))


def _bounds(matrix: Tensor, margin: int) -> tuple[Tensor, Tensor]:
    """Whole-pixel bounds (x, y) of a square with a margin: low inclusive, high exclusive."""
    corners = matrix[:2, 2] + torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=matrix.dtype) @ matrix[:2, :2].T
    return corners.amin(0).floor().long() - margin, corners.amax(0).ceil().long() + margin


def _mirror(index: Tensor, count: int) -> Tensor:
    """Indices of a line mirrored at both ends, without repeating the end pixel, as often as needed."""
    if count == 1:
        return torch.zeros_like(index)
    turn = index.remainder(2 * (count - 1))
    return torch.minimum(turn, 2 * (count - 1) - turn)


def _outside(index: Tensor, count: int, side: float) -> Tensor:
    """How far lines lie outside the picture: 0 inside, 1 at the end of the padding."""
    before, after = (-index).clamp_min(0), (index - (count - 1)).clamp_min(0)
    reach = [max(float(distance.max()), _PADDING * side) for distance in (before, after)]
    return torch.maximum(before / reach[0], after / reach[1])


def _fade(area: Tensor, outside: Tensor, sigma: float) -> Tensor:
    """Blur, then the median colour, where [h, w] `outside` says how much."""
    median = area.flatten(1).median(dim=1).values[:, None, None]
    area = torch.lerp(area, _blurred(area, sigma), (3 * outside).clamp(0, 1))
    return torch.lerp(area, median.expand_as(area), outside.clamp(0, 1))


def _blurred(picture: Tensor, sigma: float) -> Tensor:
    """[C, h, w] blurred by a Gaussian; a wide one at reduced size, since nothing finer is left."""
    if sigma < 0.1:
        return picture
    size, reduce = picture.shape[1:], max(1, int(sigma / 4))
    if reduce > 1:
        picture = F.interpolate(picture[None], [math.ceil(n / reduce) for n in size], mode="area")[0]
    sigma = sigma / reduce
    reach = math.ceil(3 * sigma)
    steps = torch.arange(-reach, reach + 1, device=picture.device, dtype=picture.dtype)
    kernel = torch.exp(-0.5 * (steps / sigma).square())
    kernel = (kernel / kernel.sum())[None, None]
    lines = picture[:, None]
    lines = F.conv2d(F.pad(lines, (reach, reach, 0, 0), mode="replicate"), kernel[:, :, None])
    picture = F.conv2d(F.pad(lines, (0, 0, reach, reach), mode="replicate"), kernel[..., None])[:, 0]
    if reduce > 1:
        picture = F.interpolate(picture[None], tuple(size), mode="bilinear", align_corners=False)[0]
    return picture


def _reduced(picture: Tensor, side: int) -> Tensor:
    """[C, h, w] no larger than `side`, so that pasting does not skip pixels."""
    size = [min(n, side) for n in picture.shape[1:]]
    if size == list(picture.shape[1:]):
        return picture
    return F.interpolate(picture[None], size, mode="bicubic", align_corners=False, antialias=True)[0].clamp(0, 1)


def _pixel_centres(height: int, width: int, step: float) -> Tensor:
    """Centres (x, y) of pixels of side `step`, float64 [height, width, 2]."""
    y, x = torch.meshgrid(torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64),
                          indexing="ij")
    return (torch.stack([x, y], -1) + 0.5) * step


def _extent(picture: Tensor) -> Tensor:
    return torch.tensor([picture.shape[2], picture.shape[1]], dtype=torch.float64)


def _sample(picture: Tensor, points: Tensor, mode: str) -> Tensor:
    """Values [C, h, w] of a picture [C, H, W] at points [h, w, 2] in its coordinates; borders go on outside."""
    grid = (2 * points / _extent(picture) - 1).to(picture)
    return F.grid_sample(picture[None], grid[None], mode=mode, padding_mode="border", align_corners=False)[0]


def _smooth(ramp: Tensor) -> Tensor:
    """0..1 with no kink at its ends."""
    ramp = ramp.clamp(0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def _check_paste(pictures: Tensor, faces: Tensor, alignment: Alignment, feather: float,
                 mask: Tensor | None) -> Alignment:
    """The alignment in the size of these pictures."""
    height, width = alignment.picture_size
    stretch = pictures.shape[2] * height / (pictures.shape[1] * width)
    if len(pictures) != alignment.picture_count or abs(stretch - 1) > 0.01:
        raise _other_pictures(pictures, alignment)
    if len(faces) != len(alignment) or faces.shape[1] != faces.shape[2]:
        raise InputError(f"{len(faces)} face(s) of {faces.shape[2]} x {faces.shape[1]} pixels were given, but "
                         f"{len(alignment)} were cut out; give one square picture for each, in the same order.")
    if mask is not None and len(mask) not in (1, len(alignment)):
        raise InputError(f"{len(mask)} masks were given for {len(alignment)} face(s); give one for each or one for "
                         f"all.")
    if not 0 <= feather <= 0.5:
        raise InputError(f"A feather of {feather:g} was given; it must be 0 to 0.5 of the square's side.")
    return alignment.scaled(pictures.shape[1:3])


def _other_pictures(pictures: Tensor, alignment: Alignment) -> InputError:
    height, width = alignment.picture_size
    return InputError(f"{len(pictures)} picture(s) of {pictures.shape[2]} x {pictures.shape[1]} pixels were given, but "
                      f"the faces were found in {alignment.picture_count} of {width} x {height}; give the same "
                      f"pictures.")
