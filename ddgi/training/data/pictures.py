"""Pictures, masks and scribbles from files; whatever is wrong with one is a `BrokenFile` with its name."""

import contextlib
import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from PIL import Image, ImageOps
from torch import Tensor

from ...facemask import READINGS, NoMask, is_class_picture, likely_order, numbers_in, read_mask
from ...facemask.colours import PALETTES, colour_table, exact_classes
from ...palette import CLASS_NAMES
from ...pictures import from_bytes, image_from_bytes
from ...scribble import NoLines, drawn_lines, shrink_lines
from .framing import Framing, flip_classes
from .sample import BrokenFile

MAX_PIXELS = 8192 ** 2                              # a small file can claim any size and fill the memory
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
# All that Pillow and its decoders raise for a damaged or hostile picture.
_ERRORS = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, MemoryError,
           struct.error, zlib.error, Image.DecompressionBombError)
_MODES = ("RGB", "RGBA", "L", "LA", "P", "PA", "1", "CMYK", "YCbCr", "RGBX")
_DEEP_MODES = ("I;16", "I")       # 16-bit grey, as some parsers write class numbers
_MASK_SIDE = 1024                                   # pixels; larger masks say no more
_GLANCE = 128                                       # pixels a side that tell a mask from a face
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


def open_picture(path: Path, masks: bool = False, data: bytes | None = None) -> Image.Image:
    """The decoded picture, turned as its camera says; with `masks` also 16-bit grey.

    `data` are the file's bytes, where they are at hand; `path` then only names them.

    Raises:
        BrokenFile: missing, damaged, not a picture, too large or of a kind that has no 8-bit colours.
    """
    with _decoding(path), Image.open(path if data is None else io.BytesIO(data)) as picture:
        _check_header(picture, path, _MODES + _DEEP_MODES * masks)
        picture.load()
        return ImageOps.exif_transpose(picture)


def picture_size(path: Path, thorough: bool, masks: bool = False) -> tuple[int, int]:
    """(width, height) as it is seen; `thorough` decodes the whole picture, else only a missing end makes it do so."""
    if thorough:
        return open_picture(path, masks).size
    with _decoding(path), Image.open(path) as picture:
        _check_header(picture, path, _MODES + _DEEP_MODES * masks)
        end, size = _END.get(picture.format), picture.size
        # Without this test Pillow decodes a whole PNG in search of what is rarely there.
        turned = "exif" in picture.info and picture.getexif().get(_ORIENTATION, 1) in _SIDEWAYS
    if end is not None and not _ends_with(path, end):
        return open_picture(path, masks).size       # cut short, or merely followed by other bytes
    return size[::-1] if turned else size


def _check_header(picture: Image.Image, path: Path, modes: tuple[str, ...]) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise BrokenFile(path, f"the picture has more than {MAX_PIXELS // 10 ** 6} million pixels")
    if picture.mode not in modes:
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
    tensor = from_bytes(rearrange(torch.from_numpy(np.array(picture)), "h w c -> c h w"))
    return tensor.flip(-1) if framing.flip else tensor


def check_face(picture: Image.Image, path: Path) -> None:
    """Raise BrokenFile where a picture is a face mask, which would be learnt as a face."""
    small = picture.convert("RGB").resize([min(length, _GLANCE) for length in picture.size], Image.Resampling.NEAREST)
    if is_class_picture(np.asarray(small)):
        raise BrokenFile(path, "the picture is a face mask, not a face")


def mask_pixels(path: Path, most: int = _MASK_SIDE, data: bytes | None = None) -> Tensor:
    """A mask file as `read_mask` takes it: [H, W, C] in 0..1, class numbers as grey.

    A picture with a colour table is read by its colours where all of them are face classes, else by its numbers.
    Masks with sides above `most` pixels are reduced to them first, without new colours. For `data` see `open_picture`.

    Raises:
        BrokenFile: no picture.
    """
    picture = open_picture(path, masks=True, data=data)
    picture.thumbnail((most, most), Image.Resampling.NEAREST, reducing_gap=None)
    if picture.mode == "P":
        numbers = np.asarray(picture)
        exact = exact_classes(np.asarray(picture.convert("RGB")), colour_table(PALETTES[0])) is not None
        if not exact and numbers.max(initial=0) < len(CLASS_NAMES):
            return image_from_bytes(torch.from_numpy(numbers.copy()))[..., None]
    if picture.mode in _DEEP_MODES:
        return torch.from_numpy(np.asarray(picture).astype(np.float32) / 65535)[..., None]
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
    elif picture.mode != "L":
        picture = picture.convert("RGB")
    pixels = torch.from_numpy(np.array(picture))
    return image_from_bytes(pixels if pixels.ndim == 3 else pixels[..., None])


def read_classes(path: Path, framing: Framing | None, size: int | None, reading: str = READINGS[0],
                 order: str | None = None, data: bytes | None = None) -> Tensor:
    """Face classes uint8 [size, size] of a mask file, by nearest neighbour; `size` None reads it as it is.

    Args:
        reading, order: see `ddgi.facemask.read_mask`. data: see `open_picture`.

    Raises:
        BrokenFile: no picture, or no face mask.
    """
    try:
        classes = read_mask(mask_pixels(path, max(_MASK_SIDE, size or 0), data)[None], reading, order=order)[0]
    except NoMask as error:
        raise BrokenFile(path, error.reason) from error
    if size is None:
        return classes
    classes = torch.from_numpy(np.array(nearest(Image.fromarray(classes.numpy()), framing, size)))
    return flip_classes(classes) if framing.flip else classes


def likely_order_of(paths: Sequence[Path]) -> tuple[str | None, str]:
    """The order in which number masks among these files count the parts, together, and why; None without any."""
    masks = []
    for path in paths:
        with contextlib.suppress(BrokenFile):       # named where the file is checked
            numbers = numbers_in(mask_pixels(path))
            if numbers is not None:
                masks.append(numbers.numpy())
    return likely_order(masks) if masks else (None, "")


def nearest(picture: Image.Image, framing: Framing, size: int) -> Image.Image:
    """The square of `framing` at `size` pixels, no new colours."""
    return picture.resize((size, size), Image.Resampling.NEAREST, framing.box(picture.size))


def read_scribble(path: Path, framing: Framing, size: int, data: bytes | None = None) -> Tensor:
    """Lines bool [size, size] of a drawing, dark on light or light on dark, on paper or on nothing.

    Lines survive shrinking: a pixel is a line where any of the pixels it covers is. For `data` see `open_picture`.

    Raises:
        BrokenFile: no picture, or no line in it.
    """
    picture = open_picture(path, data=data)
    pixels = torch.from_numpy(np.array(picture.convert("RGBA" if picture.has_transparency_data else "RGB")))
    try:
        lines = drawn_lines(image_from_bytes(pixels)[None])[0]
    except NoLines as error:
        raise BrokenFile(path, "there is no line in it") from error
    left, upper, right, lower = (round(edge) for edge in framing.box(picture.size))
    resized = shrink_lines(lines[upper:lower, left:right], size)
    return resized.flip(-1) if framing.flip else resized
