"""Bytes, sizes and sheets of pictures."""

import numpy as np
import torch
from PIL import Image

from ddgi.pictures import (
    from_bytes,
    from_image,
    image_from_bytes,
    image_from_pil,
    image_to_bytes,
    resize,
    resize_classes,
    sheet,
    to_bytes,
    to_image,
)

LEVELS = torch.arange(256, dtype=torch.uint8)


def test_bytes_come_back_exactly():
    assert torch.equal(to_bytes(from_bytes(LEVELS)), LEVELS)
    assert torch.equal(image_to_bytes(image_from_bytes(LEVELS)), LEVELS)
    assert from_bytes(LEVELS)[[0, 255]].tolist() == [-1, 1]


def test_an_image_gives_its_pictures_back():
    """fp32 rounding of 255 x: 1e-6."""
    pictures = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)) * 1.9 - 0.95
    torch.testing.assert_close(from_image(to_image(pictures)), pictures, atol=2e-6, rtol=0)


def test_halves_round_up_and_the_rest_to_the_nearest_level():
    # 127.5 x + 127.5 is 127.5, 128.5, 129.5 here: rounding to even would give 128, 128, 130.
    ties = torch.tensor([0.0, 1 / 127.5, 2 / 127.5], dtype=torch.float64).float()
    assert to_bytes(ties).tolist() == [128, 129, 130]
    assert to_bytes(torch.tensor([-2.0, -1, -0.999, 0.999, 1, 2])).tolist() == [0, 0, 0, 255, 255, 255]
    assert image_to_bytes(torch.tensor([-1.0, 0.0019, 0.002, 2])).tolist() == [0, 0, 1, 255]


def test_what_comfyui_saves_of_an_image_is_to_bytes():
    """Core's SaveImage writes floor(255 v)."""
    pictures = torch.linspace(-1.1, 1.1, 3001).reshape(1, 1, 1, -1).repeat(1, 3, 2, 1)
    image = to_image(pictures)
    assert image.shape == (1, 2, 3001, 3) and image.min() >= 0 and image.max() <= 1
    assert torch.equal((image * 255).to(torch.uint8).movedim(-1, 1), to_bytes(pictures))


def test_a_grey_picture_becomes_an_image_of_three_channels():
    image = to_image(torch.zeros(2, 1, 3, 5))
    assert image.shape == (2, 3, 5, 3) and (image == 128 / 255).all()


def test_half_precision_keeps_its_levels():
    assert torch.equal(to_bytes(from_bytes(LEVELS).half()), LEVELS)


def test_resize_keeps_flat_pictures_and_equal_sizes_and_averages_when_it_shrinks():
    flat = torch.full((1, 3, 4, 6), 0.25)
    torch.testing.assert_close(resize(flat, 10), torch.full((1, 3, 10, 10), 0.25))
    square = torch.rand(1, 3, 4, 4)
    assert resize(square, 4) is square
    stripes = torch.zeros(1, 1, 64, 64)
    stripes[..., ::2] = 1
    inner = resize(stripes, 16)[..., 2:-2]
    # The triangle filter over 8 columns weighs even and odd ones alike.
    torch.testing.assert_close(inner, torch.full_like(inner, 0.5), atol=1e-6, rtol=0)


def test_resized_classes_are_the_nearest_and_no_new_ones():
    classes = torch.tensor([[[0, 13], [17, 1]]], dtype=torch.uint8)
    larger = resize_classes(classes, 4, 6)
    assert torch.equal(larger, classes.repeat_interleave(2, 1).repeat_interleave(3, 2))
    assert torch.equal(resize_classes(larger[0], 2), classes[0])


def test_a_sheet_has_rows_under_each_other():
    rows = [torch.full((2, 3, 2, 4), -1.0), torch.full((2, 3, 2, 4), 1.0)]
    rows[0][1] = 0
    joined = sheet(rows, zoom=2)
    assert joined.size == (16, 8) and joined.mode == "RGB"
    levels = np.asarray(joined)
    assert levels[0, :, 0].tolist() == [0] * 8 + [128] * 8 and (levels[4:] == 255).all()
    assert sheet(torch.stack(rows), zoom=2) == joined


def test_pictures_of_every_mode_become_images():
    grey = Image.new("L", (3, 2), 51)
    assert torch.equal(image_from_pil(grey), torch.full((1, 2, 3, 3), 0.2))
    clear = Image.new("RGBA", (3, 2), (255, 0, 51, 0))
    assert torch.equal(image_from_pil(clear)[0, 0, 0], torch.tensor([1.0, 0.0, 0.2]))
