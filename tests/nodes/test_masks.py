"""Face masks and scribbles, through the nodes."""

import numpy as np
import pytest
import torch

import ddgi.facemask


@pytest.fixture(scope="module")
def masks(pack):
    return pack.nodes.masks


@pytest.fixture(scope="module")
def every_class():
    return torch.arange(19, dtype=torch.uint8).repeat_interleave(8).reshape(1, 1, -1).repeat(1, 16, 1)


def run(node, **inputs):
    return node.execute(**inputs).args


def face_mask(masks, **inputs):
    return run(masks.FaceMask, **{"reading": "auto", "palette": "CelebAMask-HQ", "size": 0, **inputs})


def test_colours_and_numbers_convert_both_ways_without_loss(masks, every_class):
    hint, classes = face_mask(masks, mask=every_class.float() / 255)
    assert torch.equal((classes * 255).round().to(torch.uint8), every_class)
    again, numbers = face_mask(masks, image=hint)
    assert torch.equal(again, hint) and torch.equal(numbers, classes)


def test_drawing_tool_swaps_eyes_and_ears(masks, pack, every_class):
    painted = ddgi.facemask.mask_to_hint(every_class, "MaskGAN drawing tool")
    assert tuple((painted[0, 0, 4 * 8] * 255).int().tolist()) == (204, 0, 204)
    _, classes = face_mask(masks, image=painted, palette="MaskGAN drawing tool")
    assert torch.equal((classes * 255).round().to(torch.uint8), every_class)


def test_resize_keeps_aspect_and_makes_no_new_class(masks, every_class):
    hint, classes = face_mask(masks, mask=every_class.float() / 255, size=76)
    assert hint.shape == (1, 8, 76, 3)
    assert set(np.unique((classes * 255).round().int())) <= set(range(19))


@pytest.mark.parametrize(("picture", "words"), [
    (torch.full((1, 8, 8, 3), 0.5), "grey"),
    (torch.tensor([10, 200, 240]).div(255).expand(1, 8, 8, 3), "RGB(10, 200, 240)"),
])
def test_a_picture_that_is_no_mask_is_refused_with_a_remedy(masks, pack, picture, words):
    with pytest.raises(ddgi.InputError) as error:
        face_mask(masks, image=picture)
    assert words in str(error.value) and "CelebAMask-HQ" in str(error.value)


class Server:
    """Stands for the running server's way to a node's text."""

    client_id = "a tab"

    def __init__(self):
        self.texts = []

    def send_progress_text(self, text, node_id, client):
        self.texts.append((text, node_id, client))


@pytest.fixture
def shown(masks, monkeypatch):
    """The texts that a node 7 shows."""
    from comfy_api.latest import io
    from server import PromptServer

    server = Server()
    monkeypatch.setattr(PromptServer, "instance", server, raising=False)
    for node in masks.NODES:
        monkeypatch.setattr(node, "hidden", io.HiddenHolder.from_dict({io.Hidden.unique_id: "7"}))
    return server.texts


def test_what_was_done_to_read_a_mask_is_shown_on_the_node(masks, every_class, shown):
    hint, _ = face_mask(masks, mask=every_class.float() / 255)
    assert shown.pop() == ("19 parts, background included.", "7", "a tab")
    hint[:, 4:12, 9:15] = torch.tensor([0.5, 0.8, 1.0])
    assert torch.equal(face_mask(masks, image=hint)[1], every_class.float() / 255)
    assert "RGB(128, 204, 255)" in shown.pop()[0] and not shown


def test_a_mask_that_is_all_background_is_refused(masks, pack):
    with pytest.raises(pack.ddgi.errors.InputError, match="The whole mask is background"):
        face_mask(masks, image=torch.zeros(1, 8, 8, 3))


def test_nothing_connected_is_said(masks, pack):
    with pytest.raises(ddgi.InputError, match="connect either an image or a mask"):
        face_mask(masks)


def scribble(masks, **inputs):
    settings = {"draw": "lines of the picture", "threshold": 0.04, "detail": 1.0, "thickness": 1}
    return run(masks.Scribble, **{**settings, **inputs})[0]


def test_scribble_of_a_mask_is_its_border(masks):
    mask = torch.zeros(1, 32, 32)
    mask[:, 8:24, 8:24] = 1.0
    lines = scribble(masks, mask=mask)[0, ..., 0]
    drawn = (lines == 0).nonzero()
    assert len(drawn) == 63  # 4 sides of 16 pixels, one shared corner counted once
    assert drawn.min() == 7 and drawn.max() == 23


def test_thickness_widens_the_line(masks):
    mask = torch.zeros(1, 32, 32)
    mask[:, :, 16:] = 1.0
    widths = [int((scribble(masks, mask=mask, thickness=n)[0, 5, :, 0] == 0).sum()) for n in (1, 2, 5)]
    assert widths == [1, 2, 5]


def test_load_images_two_outputs_make_a_transparent_drawing(masks, pack, shown):
    ink = torch.zeros(1, 32, 32, dtype=torch.bool)
    ink[:, 10] = True
    black, transparency = torch.zeros(1, 32, 32, 3), 1 - ink.float()
    expected = 1 - ink[..., None].expand(-1, -1, -1, 3).float()
    assert torch.equal(scribble(masks, image=black, mask=transparency), expected)
    assert "line drawing" in shown[0][0]
    assert torch.equal(scribble(masks, image=expected, mask=torch.zeros(1, 64, 64)), expected)
    with pytest.raises(pack.ddgi.errors.InputError, match="nothing to draw"):
        scribble(masks, image=black)


def test_strokes_of_a_mask_are_drawn_once(masks):
    strokes = torch.zeros(1, 64, 64)
    strokes[:, 20:23] = 1
    assert torch.equal(scribble(masks, mask=strokes, draw="auto")[..., 0], 1 - strokes)


def test_scribble_of_a_picture_draws_the_dark_line_only(masks):
    picture = torch.full((1, 64, 64, 3), 0.9)
    picture[:, :, 31:33] = 0.1
    lines = scribble(masks, image=picture)[0, ..., 0]
    assert (lines[:, 31:33] == 0).all() and (lines[:, :24] == 1).all() and (lines[:, 40:] == 1).all()
