"""Masks in class colours: clean, smoothed, compressed, in foreign colours, or none at all."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from ddgi.facemask import NoMask, is_class_picture, mask_to_hint, read_mask
from ddgi.headworld import render_batch
from ddgi.palette import CLASS_NAMES, PALETTE
from ddgi.pictures import to_bytes

from .conftest import as_image

HAIR, LOWER_LIP = CLASS_NAMES.index("hair"), CLASS_NAMES.index("lower lip")


def compressed(picture, **settings):
    file = io.BytesIO()
    picture.save(file, **settings)
    return Image.open(file).convert("RGB")


@pytest.fixture(scope="module")
def classes(drawn):
    return read_mask(as_image(drawn))


@pytest.mark.parametrize(("change", "same"), [
    # The least agreement with the clean mask: borders move by a pixel at most, a mask is 2 to 3 % borders.
    (lambda picture: compressed(picture, format="JPEG", quality=90), 0.99),
    (lambda picture: compressed(picture, format="JPEG", quality=70), 0.985),
    (lambda picture: compressed(picture, format="WEBP", quality=80), 0.985),
    (lambda picture: picture.filter(ImageFilter.GaussianBlur(1)), 0.99),
    (lambda picture: picture.resize((256, 256), Image.Resampling.BILINEAR).resize((512, 512)), 0.985),
    (lambda picture: picture.resize((256, 256), 0).resize((512, 512), Image.Resampling.BILINEAR), 0.985),
])
def test_smoothed_and_compressed_masks_hold_what_was_drawn_and_nothing_else(drawn, classes, change, same):
    said = []
    got = read_mask(as_image(change(drawn)), say=said.append)
    assert set(got.unique().tolist()) == set(classes.unique().tolist())
    assert (got == classes).float().mean() > same
    assert len(said) == 1 and "took the part beside them" in said[0]


@pytest.mark.parametrize("name", ["mask_q90.jpg", "mask_bi256.png"])
def test_masks_from_reports(picture, classes, name):
    got = read_mask(picture(name))
    assert set(got.unique().tolist()) == set(classes.unique().tolist())
    assert (got == classes[:, ::2, ::2]).float().mean() > 0.98


def test_halfway_between_two_colours_lies_a_third_but_it_is_not_read():
    """Between hair (0, 0, 204) and background (0, 0, 0) lies the lower lip's (0, 0, 153) exactly."""
    ramp = np.zeros((16, 40, 3), dtype=np.uint8)
    ramp[..., 2] = np.repeat([204] * 18 + [153, 102, 51] + [0] * 19, 16).reshape(40, 16).T
    got = read_mask(as_image(ramp))[0]
    assert got[0].tolist() == [HAIR] * 19 + got[0, 19:20].tolist() + [0] * 20


def test_a_thin_line_in_a_clean_mask_stays():
    mask = np.full((16, 16), HAIR, dtype=np.uint8)
    mask[:, 8:] = 0
    mask[5, :] = LOWER_LIP
    mask[12, 3] = 2
    assert np.array_equal(read_mask(as_image(PALETTE[mask]))[0].numpy(), mask)


def test_a_foreign_colour_takes_the_part_beside_it_and_is_named(drawn, classes):
    pixels = np.asarray(drawn).copy()
    pixels[200:260, 200:260] = (128, 200, 255)
    said = []
    got = read_mask(as_image(pixels), say=said.append)
    assert len(said) == 1 and "RGB(128, 200, 255)" in said[0] and said[0].startswith("1% of the mask")
    # Filled from around: all that was changed lies inside the square.
    changed = (got != classes)[0].nonzero()
    assert changed.amin(0).tolist() >= [199, 199] and changed.amax(0).tolist() <= [260, 260]


@pytest.mark.parametrize("share", [0.2, 0.3])
def test_above_a_quarter_of_unknown_pixels_a_picture_is_no_mask(drawn, share):
    pixels = np.asarray(drawn).copy()
    pixels[:, :round(share * 512)] = (128, 128, 255)
    if share < 0.25:
        assert read_mask(as_image(pixels)).any()
    else:
        with pytest.raises(NoMask, match=r"30% of the mask .* RGB\(128, 128, 255\)"):
            read_mask(as_image(pixels))


def test_a_photograph_on_black_is_no_mask():
    """Little of it is unknown, but nothing of it is known."""
    pixels = np.zeros((64, 64, 3), dtype=np.uint8)
    pixels[20:44, 20:44] = (to_bytes(render_batch([3], 64).image)[0].permute(1, 2, 0).numpy()[20:44, 20:44] | 64)
    with pytest.raises(NoMask, match="no face class"):
        read_mask(as_image(pixels))


def test_what_is_transparent_is_background(drawn, classes):
    picture = drawn.copy()
    alpha = Image.new("L", picture.size, 255)
    alpha.paste(0, (0, 0, 512, 256))
    picture.putalpha(alpha)
    got = read_mask(as_image(picture))
    assert not got[:, :256].any() and torch.equal(got[:, 256:], classes[:, 256:])


def test_pictures_of_a_batch_are_named(drawn):
    batch = torch.cat([as_image(drawn), torch.full((1, 512, 512, 3), 0.5)])
    with pytest.raises(NoMask, match="^Picture 2 of 2: The picture is grey"):
        read_mask(batch)


def test_drawing_tool_reads_its_own_brow_and_the_standard_one():
    every = torch.arange(19, dtype=torch.uint8).repeat_interleave(4).repeat(1, 8, 1)
    tool = mask_to_hint(every, "MaskGAN drawing tool")
    assert torch.equal(read_mask(tool, palette="MaskGAN drawing tool"), every)
    standard = torch.from_numpy(PALETTE[[1, 7]]).float().div(255).repeat_interleave(4, 0).repeat(1, 8, 1, 1)
    assert read_mask(standard, palette="MaskGAN drawing tool")[0, 0].tolist() == [1] * 4 + [7] * 4


def test_class_pictures_are_told_from_faces(drawn):
    head = render_batch([3], 64)
    assert is_class_picture(PALETTE[head.mask[0].numpy()])
    assert is_class_picture(np.asarray(compressed(drawn, format="JPEG", quality=80)))
    assert is_class_picture(head.mask[0][..., None].expand(-1, -1, 3).numpy())
    face = to_bytes(head.image)[0].permute(1, 2, 0).numpy()
    assert not is_class_picture(face)
    assert not is_class_picture(np.where(head.mask[0][..., None].numpy() > 0, face, 0))     # a face on black
    assert not is_class_picture(face[..., :1].repeat(3, -1))                                # a grey one
