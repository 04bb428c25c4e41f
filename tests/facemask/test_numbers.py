"""Masks of class numbers: bits, orders, smoothing."""

import numpy as np
import pytest
import torch
from PIL import Image

from ddgi.facemask import NoMask, likely_order, numbers_in, read_mask
from ddgi.facemask.order import BISENET_NAMES, FROM_BISENET
from ddgi.headworld import render_batch
from ddgi.palette import CLASS_NAMES

from .conftest import as_image

TO_BISENET = np.argsort(FROM_BISENET).astype(np.uint8)


@pytest.fixture(scope="module")
def heads():
    return list(render_batch(range(12), 64).mask.numpy())


@pytest.fixture(scope="module")
def classes(drawn):
    return read_mask(as_image(drawn))


def test_the_two_orders_name_the_same_parts():
    assert sorted(BISENET_NAMES) == sorted(CLASS_NAMES)
    assert [CLASS_NAMES[number] for number in FROM_BISENET] == list(BISENET_NAMES)


def test_a_parsers_mask_is_noticed_and_said(picture, classes):
    said = []
    assert torch.equal(read_mask(picture("mask_bisenet_numbers.png"), say=said.append), classes)
    assert len(said) == 1 and "BiSeNet order" in said[0] and "would lie below the neck" in said[0]


def test_the_order_can_be_given(picture, classes):
    image = picture("mask_bisenet_numbers.png")
    said = []
    assert torch.equal(read_mask(image, "class numbers (BiSeNet order)", say=said.append), classes)
    assert torch.equal(read_mask(image, order="BiSeNet", say=said.append), classes)
    plain = read_mask(image, "class numbers", say=said.append)
    assert torch.equal(plain, (image[..., 0] * 255).round().to(torch.uint8)) and not said


def test_every_head_is_noticed_in_both_orders(heads):
    for mask in heads:
        assert likely_order([mask])[0] == "CelebAMask-HQ"
        assert likely_order([TO_BISENET[mask]])[0] == "BiSeNet"


@pytest.mark.parametrize("parts", [("skin",), ("skin", "hair"), ("skin", "hair", "neck"),
                                   ("skin", "left eye", "right eye", "hair"),
                                   ("skin", "hair", "neck", "cloth"), ("skin", "nose", "mouth", "hair")])
def test_masks_of_few_parts_are_left_in_the_usual_order(heads, parts):
    kept = [CLASS_NAMES.index(name) for name in parts]
    for mask in heads:
        assert likely_order([np.where(np.isin(mask, kept), mask, 0)]) == ("CelebAMask-HQ", "")


def only(seed, *parts):
    """The named parts of a head."""
    mask = render_batch([seed], 64).mask[0].numpy()
    return np.where(np.isin(mask, [CLASS_NAMES.index(name) for name in parts]), mask, 0)


def test_hair_may_fall_below_the_face():
    """Its middle lies below the eyes; BiSeNet's lower lip, of the same number, would lie well there."""
    assert likely_order([only(10, "left brow", "right brow", "right eye", "hair")])[0] == "CelebAMask-HQ"


def test_small_parts_as_large_as_a_face_are_against_an_order():
    """BiSeNet's cloth has the necklace's number, which also lies below all others."""
    assert likely_order([TO_BISENET[only(21, "skin", "left brow", "right brow", "cloth")]])[0] == "BiSeNet"


def test_several_masks_decide_together(heads):
    """One that tells nothing does not matter."""
    silent = np.where(heads[0] == 1, heads[0], 0)
    assert likely_order([silent, TO_BISENET[heads[1]], silent])[0] == "BiSeNet"
    assert likely_order([silent, silent])[0] == "CelebAMask-HQ"


def test_colours_made_from_a_parsers_numbers_are_said(classes):
    from ddgi.facemask import mask_to_hint

    said = []
    painted = mask_to_hint(torch.from_numpy(TO_BISENET[classes.numpy()]))
    read_mask(painted, say=said.append)
    assert len(said) == 1 and "not where a face has them" in said[0]


@pytest.mark.parametrize("scale", [1, 257])
def test_sixteen_bits_hold_the_same_numbers(classes, scale):
    """As numbers 0..18 of 65535, or as 8-bit numbers spread over 16 bits."""
    image = as_image(classes[0].numpy().astype(np.uint16) * np.uint16(scale))
    assert torch.equal(read_mask(image), classes)


@pytest.mark.parametrize("scale", [0.5, 1.5, 2])
def test_smoothed_numbers_hold_what_was_drawn(classes, scale):
    size = round(512 * scale)
    smoothed = Image.fromarray(classes[0].numpy()).resize((size, size), Image.Resampling.BILINEAR)
    expected = np.asarray(Image.fromarray(classes[0].numpy()).resize((size, size), Image.Resampling.NEAREST))
    said = []
    got = read_mask(as_image(smoothed), say=said.append)[0].numpy()
    assert set(np.unique(got)) == set(np.unique(expected))
    assert (got == expected).mean() > 0.98
    assert "smoothed borders" in said[0]


def test_numbers_between_two_are_no_class():
    """A MASK that was resized as floats: half the way from hair (13) to background is 6.5."""
    levels = torch.full((1, 16, 16, 1), 13.0)
    levels[:, :, 8] = 6.5
    levels[:, :, 9:] = 0
    got = read_mask(levels / 255)
    assert set(got.unique().tolist()) == {0, 13} and (got[..., :8] == 13).all() and not got[..., 9:].any()
    with pytest.raises(NoMask, match="no whole class numbers"):
        read_mask((torch.arange(256).reshape(1, 16, 16, 1) % 7 + 0.5) / 255)


def test_masks_of_noise_are_taken_as_they_are():
    """Nothing in them is an area, so nothing tells that they were smoothed."""
    noise = np.random.default_rng(0).integers(0, 19, (128, 128), dtype=np.uint8)
    assert np.array_equal(read_mask(as_image(noise))[0].numpy(), noise)


@pytest.mark.parametrize(("image", "reading", "words"), [
    (torch.zeros(1, 8, 8, 3), "auto", "whole mask is background"),
    (torch.zeros(1, 8, 8, 1), "class colours", "whole mask is background"),
    (torch.full((1, 8, 8, 1), 200 / 255), "class numbers", "class 200; face classes run from 0 to 18"),
    (torch.rand(1, 8, 8, 3), "class numbers", "in colour"),
])
def test_what_is_no_mask_is_one_sentence(image, reading, words):
    with pytest.raises(NoMask, match=words):
        read_mask(image, reading)


def test_numbers_in_tells_numbers_from_colours(picture, drawn):
    assert numbers_in(picture("mask_bisenet_numbers.png")[0]).max() == 17
    assert numbers_in(as_image(drawn)[0]) is None
