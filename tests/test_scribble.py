"""Scribbles: drawings as people have them, photos and masks."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ddgi.facemask import mask_to_hint
from ddgi.headworld import render_batch
from ddgi.scribble import (
    AUTO,
    BORDERS,
    ITSELF,
    LINES,
    NoLines,
    draw_scribble,
    drawn_lines,
    is_drawing,
    lines_from_image,
    lines_from_mask,
    on_paper,
    shrink_lines,
)

INPUTS = Path(__file__).resolve().parent / "inputs"


def image(name):
    """[1, H, W, C] in 0..1."""
    pixels = np.asarray(Image.open(INPUTS / name), dtype=np.float32) / 255
    return torch.from_numpy(pixels.reshape(1, *pixels.shape[:2], -1))


@pytest.fixture(scope="module")
def drawing():
    return image("scribble_black_on_white.png")


@pytest.fixture(scope="module")
def lines(drawing):
    return drawing[..., 0] < 0.5


@pytest.fixture(scope="module")
def heads():
    return render_batch([3, 4], 64)


@pytest.mark.parametrize("name", ["scribble_black_on_white.png", "scribble_white_on_black.png",
                                  "scribble_rgba_transparent.png"])
@pytest.mark.parametrize("draw", [AUTO, LINES, ITSELF])
def test_every_kind_of_drawing_gives_its_own_lines(lines, name, draw):
    assert torch.equal(draw_scribble(image(name), draw) == 0, lines)


def test_transparency_may_come_as_load_image_gives_it(lines):
    """The picture alone is black; its mask says where nothing is."""
    black, transparency = torch.zeros(1, 256, 256, 3), 1 - image("scribble_rgba_transparent.png")[..., 3]
    assert torch.equal(drawn_lines(black, transparency), lines)
    with pytest.raises(NoLines, match="connect the mask of Load Image"):
        drawn_lines(black)


def test_the_mask_of_a_picture_without_alpha_is_none(drawing, lines):
    """Load Image gives 64 x 64 zeros then."""
    assert torch.equal(drawn_lines(drawing, torch.zeros(1, 64, 64)), lines)


def test_light_ink_on_nothing_is_read(lines):
    ink = torch.ones(1, 256, 256, 4)
    ink[..., 3] = lines.float()
    assert torch.equal(drawn_lines(ink), lines)


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_a_drawing_without_a_line_is_a_sentence(level):
    with pytest.raises(NoLines, match="has no line"):
        drawn_lines(torch.full((1, 8, 8, 3), level))
    with pytest.raises(NoLines, match="Picture 2 of 2 has no line"):
        drawn_lines(torch.stack([torch.eye(8)[..., None], torch.full((8, 8, 1), level)]))


@pytest.mark.parametrize(("draw", "words"), [(LINES, "lower the threshold of 0.9"), (BORDERS, "nothing to draw")])
def test_an_empty_scribble_is_a_sentence(heads, draw, words):
    picture = ((heads.image[:1] + 1) / 2).movedim(1, -1) if draw == LINES else torch.ones(1, 8, 8, 3)
    with pytest.raises(NoLines, match=words):
        draw_scribble(picture, draw, threshold=0.9)


def test_photos_and_masks_are_no_drawings(heads):
    photos = ((heads.image + 1) / 2).movedim(1, -1)
    head = (heads.mask > 0).float()[..., None]
    for pictures in (photos, photos * head, photos * head + 1 - head, mask_to_hint(heads.mask)):
        assert not is_drawing(pictures).any()
    silhouette = torch.ones(1, 64, 64, 3)
    silhouette[:, 16:48, 16:48] = 0
    assert not is_drawing(silhouette) and not is_drawing(torch.ones(1, 64, 64, 3))


def test_auto_chooses_for_each_picture_and_says_so(drawing, lines, heads):
    photo = ((heads.image[:1] + 1) / 2).movedim(1, -1)
    mask = mask_to_hint(heads.mask[:1])
    small = image("scribble_black_on_white.png")[:, ::4, ::4].expand(-1, -1, -1, 3)
    said = []
    drawn = draw_scribble(torch.cat([photo, mask, small]), thickness=1, say=said.append)
    assert torch.equal(drawn[:1], lines_from_image(photo, 0.025))
    assert torch.equal(drawn[1:2], lines_from_mask(heads.mask[:1]))
    assert torch.equal(drawn[2:] == 0, small[..., 0] < 0.5)
    assert [words in sentence for words, sentence in zip(("photo", "mask", "line drawing"), said)] == [True] * 3


def test_borders_of_a_smoothed_mask_are_single(heads):
    """Between two colours of a smoothed mask lie others; their borders would double the lines."""
    smooth = torch.nn.functional.interpolate(mask_to_hint(heads.mask[:1]).movedim(-1, 1), scale_factor=4,
                                             mode="bilinear").movedim(1, -1)
    drawn = draw_scribble(smooth, BORDERS, thickness=1) == 0
    exact = lines_from_mask(heads.mask[:1].repeat_interleave(4, 1).repeat_interleave(4, 2)) == 0
    assert drawn.sum() < 1.1 * exact.sum()


def test_transparent_is_white():
    half = torch.tensor([0.0, 0.5]).reshape(1, 1, 1, 2)
    assert on_paper(half).flatten().tolist() == [0.5] * 3


def test_lines_survive_shrinking():
    line = torch.zeros(64, 64, dtype=torch.bool)
    line[31] = True
    assert torch.equal(shrink_lines(line, 8), torch.arange(8)[:, None].expand(8, 8) == 3)
