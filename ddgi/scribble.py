"""Black-on-white scribbles: as they were drawn, from a picture by difference of Gaussians, from a mask by its borders.

What a drawing may be is decided here, for nodes and training data alike: dark on light or light on dark, on paper or
on nothing.
"""

from collections.abc import Callable

import torch
from einops import rearrange
from torch.nn import functional

from .errors import InputError
from .facemask import is_class_picture, read_mask
from .pictures import image_to_bytes

_GREY = (0.299, 0.587, 0.114)       # of red, green and blue (ITU-R BT.601), as Pillow turns colours into grey
_STROKE = 0.03          # of the picture's side: how wide a stroke may be; wider is an area
_WIDE = 0.25            # share of what is drawn that may lie inside of areas
AUTO, LINES, BORDERS, ITSELF = "auto", "lines of the picture", "borders of the parts", "the drawing itself"
DRAWS = (AUTO, LINES, BORDERS, ITSELF)


class NoLines(InputError):
    """A scribble would be empty paper."""


def draw_scribble(image: torch.Tensor, draw: str = AUTO, threshold: float = 0.025, detail: float = 1.0,
                  thickness: int = 2, transparency: torch.Tensor | None = None,
                  say: Callable[[str], None] = lambda sentence: None) -> torch.Tensor:
    """Scribbles [B, H, W] (0 line, 1 paper) of pictures, drawings or masks [B, H, W, C] in 0..1.

    Args:
        draw: LINES along dark lines, but of a line drawing its own; BORDERS of areas in one colour; ITSELF, a line
            drawing with its own lines; AUTO chooses for each picture.
        threshold, detail: see `lines_from_image`. thickness: in pixels, of lines that are drawn here.
        transparency: see `on_paper`.
        say: gets a sentence where a choice was made.

    Raises:
        NoLines: nothing would be on the paper.
        InputError: a setting out of range.
    """
    if draw not in DRAWS:
        raise InputError(f"There is no way {draw!r} to draw a scribble; choose one of {', '.join(DRAWS)}.")
    lines = []
    for index, picture in enumerate(image.split(1)):
        clear = None if transparency is None else transparency[min(index, len(transparency) - 1)][None]
        way = _way(picture, draw, clear)
        if way != draw:
            say(_SAID[way])
        if way == ITSELF:
            lines.append(1.0 - drawn_lines(picture, clear).float())
        elif way == BORDERS:
            lines.append(lines_from_mask(_areas(on_paper(picture, clear)), thickness))
        else:
            lines.append(lines_from_image(on_paper(picture, clear), threshold, detail, thickness))
        if bool(lines[-1].all()):
            which = f"Picture {index + 1} of {len(image)} has" if len(image) > 1 else "The picture has"
            raise NoLines(f"{which} nothing to draw, so that the scribble would be empty; "
                          + (f"lower the threshold of {threshold:g} or " if way == LINES else "") +
                          "give a picture that shows something.")
    return torch.cat(lines)


_SAID = {ITSELF: "Taken as a line drawing: its own lines are used.", LINES: "Taken as a photo: its lines are drawn.",
         BORDERS: "Taken as a mask: the borders of its parts are drawn."}


def _way(picture: torch.Tensor, draw: str, transparency: torch.Tensor | None) -> str:
    """LINES, BORDERS or ITSELF for one picture [1, H, W, C]."""
    if draw in (AUTO, LINES) and bool(is_drawing(picture, transparency)):
        return ITSELF
    if draw != AUTO:
        return draw
    levels = image_to_bytes(on_paper(picture, transparency)[0].cpu()).numpy()
    return BORDERS if is_class_picture(levels) else LINES


def _areas(picture: torch.Tensor) -> torch.Tensor:
    """One number [1, H, W] for each area of a picture [1, H, W, 3]: its face part, or else its colour at 8 bits."""
    levels = image_to_bytes(picture)
    if levels.any() and is_class_picture(levels[0].cpu().numpy()):
        return read_mask(picture)
    red, green, blue = levels.long().unbind(-1)
    return red << 16 | green << 8 | blue


def on_paper(image: torch.Tensor, transparency: torch.Tensor | None = None) -> torch.Tensor:
    """A picture [B, H, W, C] in 0..1 without its alpha, [B, H, W, 3]: what is transparent is white.

    Args:
        image: C is 1 or 2 (grey), 3 or 4; the second and the fourth channel are alpha.
        transparency: [1 or B, h, w], 1 where nothing is, as ComfyUI's Load Image gives it; of another size it is none,
            as for pictures without alpha.
    """
    colours, alpha = _split(image, transparency)
    return colours * alpha[..., None] + 1 - alpha[..., None]


def drawn_lines(image: torch.Tensor, transparency: torch.Tensor | None = None) -> torch.Tensor:
    """Lines bool [B, H, W] of drawings [B, H, W, C] in 0..1: what is dark, or light where most of a picture is dark.

    What is transparent is paper; light ink on nothing is read too. Arguments as in `on_paper`.

    Raises:
        NoLines: a picture has no line at all.
    """
    colours, alpha = _split(image, transparency)
    drawn = alpha >= 0.5
    dark = (_grey(colours) < 0.5) & drawn
    light_ink = ~drawn.flatten(1).all(1) & ~dark.flatten(1).any(1)
    inverted = dark.float().mean((1, 2)) > 0.5
    lines = torch.where(light_ink[:, None, None], drawn, dark ^ inverted[:, None, None])
    for index, empty in enumerate((~lines.flatten(1).any(1)).tolist()):
        if empty:
            which = f"Picture {index + 1} of {len(lines)} has" if len(lines) > 1 else "The drawing has"
            raise NoLines(f"{which} no line: all of it is equally dark. Draw dark lines on light paper, or light "
                          f"ones on dark; of a transparent picture, connect the mask of Load Image as well.")
    return lines


def is_drawing(image: torch.Tensor, transparency: torch.Tensor | None = None) -> torch.Tensor:
    """Whether each of the pictures [B, H, W, C] in 0..1 is a line drawing already, bool [B].

    Most of a drawing is white or black paper, and what is drawn on it is thin.
    """
    colours = on_paper(image, transparency)
    white, black = colours.amin(-1) >= 0.75, colours.amax(-1) <= 0.25
    paper = torch.where((white.float().mean((1, 2)) >= black.float().mean((1, 2)))[:, None, None], white, black)
    ink = 1 - paper.float()
    stroke = 2 * max(2, round(_STROKE * min(ink.shape[1:]) / 2)) + 1
    inside = 1 - functional.max_pool2d(1 - ink[:, None], stroke, stride=1, padding=stroke // 2)[:, 0]
    drawn = ink.sum((1, 2))
    return (drawn > 0) & (ink.mean((1, 2)) <= 0.5) & (inside.sum((1, 2)) <= _WIDE * drawn)


def shrink_lines(lines: torch.Tensor, size: int) -> torch.Tensor:
    """Lines bool [H, W] at [size, size], none lost when it gets smaller."""
    return functional.adaptive_max_pool2d(lines[None, None].float(), size)[0, 0] > 0.5


def lines_from_image(image: torch.Tensor, threshold: float = 0.04, detail: float = 1.0,
                     thickness: int = 1) -> torch.Tensor:
    """Scribble [B, H, W] (0 line, 1 paper) from a picture [B, H, W, 3] in 0..1.

    A pixel is a line where it is darker than its surroundings: G(1.6 s) * I - G(s) * I > threshold in
    any colour channel, with s = H / (128 detail) pixels. 1.6 is the ratio at which the difference of
    Gaussians approximates the Laplacian (Marr and Hildreth 1980).

    Args:
        threshold: 0..1, larger draws fewer lines.
        detail: > 0, larger follows finer structure.
        thickness: line width in pixels added by dilation, >= 1.
    """
    if detail <= 0:
        raise InputError(f"Scribble detail is {detail}; it must be above 0 (1 suits portraits).")
    pixels = rearrange(image[..., :3].float(), "b h w c -> b c h w")
    sigma = max(pixels.shape[-2] / (128.0 * detail), 0.5)
    darker = _blur(pixels, 1.6 * sigma) - _blur(pixels, sigma)
    return _draw((darker > threshold).any(1), thickness)


def lines_from_mask(indices: torch.Tensor, thickness: int = 1) -> torch.Tensor:
    """Scribble [B, H, W] (0 line, 1 paper) along the borders of areas in [B, H, W] of equal values."""
    border = torch.zeros(indices.shape, dtype=torch.bool, device=indices.device)
    border[..., :-1, :] |= indices[..., 1:, :] != indices[..., :-1, :]
    border[..., :, :-1] |= indices[..., :, 1:] != indices[..., :, :-1]
    return _draw(border, thickness)


def _split(image: torch.Tensor, transparency: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Colours [B, H, W, 3] and alpha [B, H, W] of `on_paper`'s arguments."""
    channels = image.shape[-1]
    colours = image[..., :3] if channels >= 3 else image[..., :1].expand(*image.shape[:3], 3)
    alpha = image[..., -1] if channels in (2, 4) else torch.ones_like(image[..., 0])
    if transparency is not None and transparency.shape[-2:] == image.shape[1:3]:
        alpha = alpha * (1 - transparency.to(alpha))
    return colours.float(), alpha.float()


def _grey(colours: torch.Tensor) -> torch.Tensor:
    """Brightness [B, H, W] of [B, H, W, 3]."""
    return colours @ torch.tensor(_GREY, dtype=colours.dtype, device=colours.device)


def _blur(pixels: torch.Tensor, sigma: float) -> torch.Tensor:
    """Separable Gaussian of [B, C, H, W], edges repeated, radius 3 sigma."""
    radius = max(1, round(3 * sigma))
    offsets = torch.arange(-radius, radius + 1, dtype=pixels.dtype, device=pixels.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = (kernel / kernel.sum()).repeat(pixels.shape[1], 1, 1, 1)
    padded = functional.pad(pixels, (radius,) * 4, mode="replicate")
    padded = functional.conv2d(padded, kernel, groups=pixels.shape[1])
    return functional.conv2d(padded, kernel.transpose(2, 3), groups=pixels.shape[1])


def _draw(lines: torch.Tensor, thickness: int) -> torch.Tensor:
    if thickness < 1:
        raise InputError(f"Scribble thickness is {thickness}; it must be 1 pixel or more.")
    before = (thickness - 1) // 2
    padded = functional.pad(lines[:, None].float(), (before, thickness - 1 - before) * 2)
    return 1.0 - functional.max_pool2d(padded, thickness, stride=1)[:, 0]
