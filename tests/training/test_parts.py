"""Weights of small parts."""

import torch

from ddgi.training.parts import part_weights


def test_small_parts_and_their_margin_weigh_more_whether_present_or_not():
    mask = torch.zeros(1, 8, 8, dtype=torch.uint8)
    mask[0, 4, 4] = 4                                               # one pixel of left eye
    weights = part_weights(mask)[0, 0]
    assert (weights[3:6, 3:6] == 10).all()
    assert weights.sum() == 9 * 10 + 55
    mask[0, 0, 0] = 10                                              # and one of mouth, whose margin is wider
    weights = part_weights(mask)[0, 0]
    assert (weights[:4, :4] == 12).all()
    assert weights[4, 4] == 10


def test_eyes_alone_can_weigh_more():
    mask = torch.zeros(1, 8, 8, dtype=torch.uint8)
    mask[0, 2, 2], mask[0, 6, 6] = 5, 2                             # right eye and nose
    plain, heavy = part_weights(mask), part_weights(mask, eyes=6.0)
    assert (heavy[0, 0, 1:4, 1:4] == 60).all()
    assert (heavy == plain).sum() == 64 - 9


def test_margins_grow_with_the_picture():
    mask = torch.zeros(1, 64, 64, dtype=torch.uint8)
    mask[0, 32, 32] = 4
    large = mask.repeat_interleave(4, 1).repeat_interleave(4, 2)
    assert torch.equal(part_weights(large), part_weights(mask).repeat_interleave(4, 2).repeat_interleave(4, 3))
