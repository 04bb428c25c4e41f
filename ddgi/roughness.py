"""Hints as a hand draws them: masks and scribbles made rough from exact ones.

What a person paints has small eyes, round shapes, thick or thin lips and parts left out. A model that saw exact masks
alone takes such a drawing for noise; these functions make drawings of that kind from any 19-class mask.
"""

from collections.abc import Iterable

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional as F

from .pictures import fill_nearest, resize_classes
from .scribble import lines_from_mask, shrink_lines
from .sketch import GROUPS, NUMBER, Sketch

CANVAS = 128                               # pixels per side that small masks are drawn at
WARP = 0.035                               # most that a place moves against its neighbours, in parts of the side
SHIFT, SMALLER, LARGER = 0.05, 0.88, 1.08  # most that the whole drawing moves, and how its size may differ
EXACT_SHAPES = 0.3                         # share of rough masks that are the exact one, warped


def leave_out(classes: Tensor, groups: Iterable[str]) -> Tensor:
    """A mask uint8 [H, W] without some of `GROUPS`: their pixels take the class of the nearest other pixel.

    A hat gives way to what is around it, so hair or background grows into its place.
    """
    numbers = torch.tensor([NUMBER[name] for group in groups for name in GROUPS[group]], dtype=torch.long)
    gone = torch.isin(classes.long(), numbers)
    if not gone.any() or gone.all():
        return classes
    return fill_nearest(classes, gone)


def rough_mask(classes: Tensor, rng: torch.Generator, keep: Iterable[str] = ()) -> Tensor:
    """A drawing of a mask uint8 [H, W] (H = W): the same head as a hand might paint it, uint8 [H, W].

    Large areas are smoothed or cut into simple shapes, small parts put back as ellipses and strokes of other sizes
    and places, some left out, all of it warped.

    Args:
        rng: a CPU random stream; the drawing depends on it and on the mask alone.
        keep: groups that are always drawn, by their names in `GROUPS`.
    """
    side = classes.shape[-1]
    canvas = _draw(classes, _numpy_stream(rng), set(keep))
    return resize_classes(torch.from_numpy(canvas), side)


def rough_scribble(classes: Tensor, rng: torch.Generator, keep: Iterable[str] = ()) -> Tensor:
    """The drawing of `rough_mask` as lines, bool [H, W], True on a line: thicker than exact ones, wobbly and broken."""
    random = _numpy_stream(rng)
    side = classes.shape[-1]
    canvas = _draw(classes, random, set(keep))
    size = canvas.shape[-1]
    thickness = int(random.integers(1, 2 + max(1, size // 64)))
    lines = lines_from_mask(torch.from_numpy(canvas)[None], thickness)[0] < 0.5
    lines = _broken(lines, random)
    return shrink_lines(lines, side)


def rough_lines(lines: Tensor, rng: torch.Generator) -> Tensor:
    """Lines bool [H, W] (H = W) of an exact scribble, warped, of another thickness and broken; for want of a mask."""
    random = _numpy_stream(rng)
    side = lines.shape[-1]
    size = max(side, CANVAS)
    canvas = F.interpolate(lines[None, None].float(), size, mode="nearest-exact")
    thickness = int(random.integers(1, 2 + max(1, size // 64)))
    canvas = F.max_pool2d(F.pad(canvas, (0, thickness - 1) * 2), thickness, stride=1)
    drawn = torch.from_numpy(_warped(canvas[0, 0].to(torch.uint8).numpy(), random)) > 0
    return shrink_lines(_broken(drawn, random), side)


def _numpy_stream(rng: torch.Generator) -> np.random.Generator:
    return np.random.default_rng(torch.randint(2 ** 31, (1,), generator=rng).item())


def _broken(lines: Tensor, random: np.random.Generator) -> Tensor:
    """Lines bool [S, S] with a few gaps."""
    side = len(lines)
    gaps = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(gaps)
    for _ in range(random.integers(0, 7)):
        x, y = random.uniform(0, side, 2)
        radius = side * random.uniform(0.01, 0.035)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
    return lines & (torch.from_numpy(np.array(gaps)) == 0)


def _draw(classes: Tensor, random: np.random.Generator, keep: set[str]) -> np.ndarray:
    """uint8 [S, S], S = `CANVAS` or the mask's own side if that is larger."""
    size = max(classes.shape[-1], CANVAS)
    exact = resize_classes(classes, size)
    if random.random() < EXACT_SHAPES:
        forgotten = [name for name in GROUPS if name not in keep and random.random() < 0.12]
        drawn = leave_out(exact, forgotten).numpy()
    else:
        sketch = Sketch(exact.numpy(), random, keep)
        drawn = sketch.shapes() if random.random() < 0.5 else sketch.smoothed(classes)
        drawn = sketch.small_parts(drawn)
    return _warped(drawn, random)


def _warped(canvas: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Every place moves a little, near places alike; sometimes with a tremor as of an unsteady hand."""
    size = len(canvas)
    move = _smooth_noise(size, random.integers(3, 6), random) * random.uniform(0, WARP)
    if random.random() < 0.5:
        move = move + _smooth_noise(size, 24, random) * random.uniform(0, 0.006)
    line = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(line, line, indexing="ij")
    shift = torch.from_numpy(random.uniform(-2 * SHIFT, 2 * SHIFT, 2).astype(np.float32))
    grid = torch.stack([x, y], -1)[None] / random.uniform(SMALLER, LARGER) + shift + 2 * move
    source = torch.from_numpy(canvas)[None, None].float()
    return F.grid_sample(source, grid, "nearest", "border", align_corners=True)[0, 0].to(torch.uint8).numpy()


def _smooth_noise(size: int, knots: int, random: np.random.Generator) -> Tensor:
    """[1, S, S, 2] in about -1..1, smooth between `knots` x `knots` random values."""
    values = torch.from_numpy(random.uniform(-1, 1, (1, 2, knots, knots)).astype(np.float32))
    return F.interpolate(values, size, mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
