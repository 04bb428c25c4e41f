"""Pictures, masks and scribbles from files; whatever is wrong with one is a `BrokenFile` with its name."""

import contextlib
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from ...errors import InputError
from ...facemask import read_mask
from ...palette import CLASS_NAMES
from ...pictures import from_bytes, image_from_bytes
from .framing import Framing, flip_classes
from .sample import BrokenFile

MAX_PIXELS = 8192 ** 2                              # a small file can claim any size and fill the memory
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
# All that Pillow and its decoders raise for a damaged or hostile picture.
_ERRORS = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, MemoryError,
           struct.error, zlib.error, Image.DecompressionBombError)
_MODES = ("RGB", "RGBA", "L", "LA", "P", "PA", "1", "CMYK", "YCbCr", "RGBX")
_ORIENTATION, _SIDEWAYS = 0x0112, (5, 6, 7, 8)      # the EXIF tag, and its values that swap width and height
_END = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}


@contextlib.contextmanager
def _decoding(path: Path):
    """Whatever a decoder raises inside becomes a BrokenFile of `path`."""
    try:
        yield
    except FileNotFoundError as error:
        raise BrokenFile(path, "the file is missing") from error
    except BrokenFile:
        raise
    except _ERRORS as error:
        raise BrokenFile(path, "the picture is damaged or no picture") from error


def open_picture(path: Path) -> Image.Image:
    """The decoded picture, turned as its camera says.

    Raises:
        BrokenFile: missing, damaged, not a picture, too large or of a kind that has no 8-bit colours.
    """
    with _decoding(path), Image.open(path) as picture:
        _check_header(picture, path)
        picture.load()
        return ImageOps.exif_transpose(picture)


def picture_size(path: Path, thorough: bool) -> tuple[int, int]:
    """(width, height) as it is seen; `thorough` decodes the whole picture, else only a missing end makes it do so."""
    if thorough:
        return open_picture(path).size
    with _decoding(path), Image.open(path) as picture:
        _check_header(picture, path)
        end, size = _END.get(picture.format), picture.size
        # Without this test Pillow decodes a whole PNG in search of what is rarely there.
        turned = "exif" in picture.info and picture.getexif().get(_ORIENTATION, 1) in _SIDEWAYS
    if end is not None and not _ends_with(path, end):
        return open_picture(path).size              # cut short, or merely followed by other bytes
    return size[::-1] if turned else size


def _check_header(picture: Image.Image, path: Path) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise BrokenFile(path, f"the picture has more than {MAX_PIXELS // 10 ** 6} million pixels")
    if picture.mode not in _MODES:
        raise BrokenFile(path, f"the picture is of kind {picture.mode}, which has no 8-bit colours")


def _ends_with(path: Path, end: bytes) -> bool:
    with open(path, "rb") as file:
        file.seek(max(0, file.seek(0, 2) - len(end)))
        return file.read() == end


def read_image(picture: Image.Image, framing: Framing, size: int) -> Tensor:
    """[3, size, size] in -1..1: the square of `framing`, resampled with Lanczos; transparency becomes white."""
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture)
    picture = picture.convert("RGB")
    if not (framing.box(picture.size) == (0, 0, size, size) and picture.size == (size, size)):
        picture = picture.resize((size, size), Image.Resampling.LANCZOS, framing.box(picture.size))
    tensor = from_bytes(torch.from_numpy(np.array(picture)).permute(2, 0, 1))
    return tensor.flip(-1) if framing.flip else tensor


def read_classes(path: Path, framing: Framing | None, size: int | None) -> Tensor:
    """Face classes uint8 [size, size] of a mask in palette colours or class numbers, by nearest neighbour.

    A picture with a colour table is read by its colours, or by its numbers where the colours are no face classes.
    `size` None reads the whole mask as it is.

    Raises:
        BrokenFile: no picture, or no face mask.
    """
    picture = open_picture(path)
    numbers = np.array(picture) if picture.mode == "P" else None
    plain = picture if picture.mode == "L" else picture.convert("RGB")
    try:
        return _classes(plain, framing, size)
    except InputError as error:
        if numbers is not None and numbers.max() < len(CLASS_NAMES):
            return _classes(Image.fromarray(numbers), framing, size)
        raise BrokenFile(path, "the mask is neither in the CelebAMask-HQ colours nor in class numbers") from error


def _classes(picture: Image.Image, framing: Framing | None, size: int | None) -> Tensor:
    if size is not None:
        picture = nearest(picture, framing, size)
    pixels = image_from_bytes(torch.from_numpy(np.array(picture)))
    mask = read_mask(pixels[None] if pixels.ndim == 3 else pixels[None, ..., None])[0]
    return flip_classes(mask) if framing is not None and framing.flip else mask


def nearest(picture: Image.Image, framing: Framing, size: int) -> Image.Image:
    """The square of `framing` at `size` pixels, no new colours."""
    return picture.resize((size, size), Image.Resampling.NEAREST, framing.box(picture.size))


def read_scribble(path: Path, framing: Framing, size: int) -> Tensor:
    """Lines bool [size, size]; a mostly dark drawing is white lines on black and is inverted.

    Lines survive shrinking: a pixel is a line where any of the pixels it covers is.
    """
    picture = open_picture(path)
    if picture.has_transparency_data:
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
    picture = picture.convert("L")
    left, upper, right, lower = (round(edge) for edge in framing.box(picture.size))
    lines = torch.from_numpy(np.array(picture.crop((left, upper, right, lower)))) < 128
    if lines.float().mean() > 0.5:
        lines = ~lines
    resized = shrink_lines(lines, size)
    return resized.flip(-1) if framing.flip else resized


def shrink_lines(lines: Tensor, size: int) -> Tensor:
    """Lines bool [H, W] at [size, size], none lost when it gets smaller."""
    return F.adaptive_max_pool2d(lines[None, None].float(), size)[0, 0] > 0.5
