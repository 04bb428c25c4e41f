"""Drawings as a painter widget keeps them."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from ddgi.errors import InputError
from ddgi.facemask import mask_to_hint
from ddgi.painting import PREFIX, read_painting
from ddgi.palette import PALETTE

CLASSES = torch.arange(19, dtype=torch.uint8).repeat_interleave(27)[:512].expand(1, 512, 512).contiguous()


def text(pixels, mode="RGB", kind="PNG"):
    file = io.BytesIO()
    picture = Image.fromarray(np.asarray(pixels, dtype=np.uint8))
    (picture.quantize(32) if mode == "P" else picture.convert(mode)).save(file, kind)
    return PREFIX + base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_every_class_comes_back_exactly(mode):
    painting = read_painting(text(PALETTE[CLASSES[0].numpy()], mode), "mask")
    assert torch.equal(painting.classes, CLASSES)
    assert torch.equal(painting.hint, mask_to_hint(CLASSES))


def test_lines_are_black_on_white():
    pixels = np.full((64, 64, 3), 255)
    pixels[10:12, 5:60] = 0
    painting = read_painting(text(pixels), "scribble")
    assert torch.equal(painting.classes[0], torch.from_numpy(pixels[..., 0] == 0).to(torch.uint8))
    assert torch.equal(painting.hint, torch.from_numpy(pixels / 255).float()[None])


@pytest.mark.parametrize(("kind", "pixels"), [("mask", np.zeros((8, 8, 3))), ("scribble", np.full((8, 8, 3), 255))])
def test_an_empty_canvas_is_no_drawing(kind, pixels):
    assert read_painting("", kind) is None and read_painting(text(pixels), kind) is None


@pytest.mark.parametrize(("value", "kind", "words"), [
    ("data:image/jpeg;base64,AAAA", "mask", "no PNG"),
    (PREFIX + "A" * (1 << 20), "mask", "at most 1 MiB"),
    (PREFIX + "not base64!", "mask", "damaged"),
    (PREFIX + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode(), "mask", "damaged"),
    (text(np.zeros((8, 8, 3)), kind="JPEG"), "mask", "damaged"),
    (text(np.zeros((1, 1025, 3))), "mask", "1025 x 1 pixels"),
    (text(np.random.default_rng(0).integers(0, 255, (32, 32, 3))), "mask", "mask"),
    (text(np.zeros((8, 8, 3))), "photo", "'photo'"),
    (7, "mask", "no PNG"),
])
def test_what_no_painter_keeps_is_refused_in_a_sentence(value, kind, words):
    with pytest.raises(InputError, match=words):
        read_painting(value, kind)
