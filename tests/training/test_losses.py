"""Losses on pictures are what they say, and so are the weights of small parts."""

import pytest
import torch

from ddgi.perceptual import feature_distance
from ddgi.training.losses import edge_l1, part_weights, pyramid_l1, r1_penalty


def test_pyramid_l1_of_a_constant_offset_is_that_offset():
    image = torch.randn(1, 3, 8, 8)
    assert pyramid_l1(image + 0.25, image).item() == pytest.approx(0.25)


def test_edge_l1_ignores_brightness_and_sees_a_line():
    image = torch.zeros(1, 1, 8, 8)
    assert edge_l1(image + 0.5, image).item() == 0
    line = image.clone()
    line[..., 4, :] = 1
    # 7x7 differences, two directions: the line changes two rows of the vertical ones.
    assert edge_l1(line, image).item() == pytest.approx(14 / 98)


def test_feature_distance_is_zero_for_equal_images_and_blind_to_feature_scale():
    image, other = torch.randn(2, 3, 8, 8), torch.randn(2, 3, 8, 8)
    assert feature_distance(lambda x: [x], image, image).tolist() == [0, 0]
    assert torch.allclose(feature_distance(lambda x: [x], image * 3, other),
                          feature_distance(lambda x: [x], image, other))


def test_r1_of_a_linear_critic_is_its_squared_weight():
    weight = torch.randn(3 * 4 * 4)
    critic = lambda x: x.flatten(1) @ weight  # noqa: E731
    assert r1_penalty(critic, torch.randn(5, 3, 4, 4)).item() == pytest.approx(weight.square().sum().item(), rel=1e-5)


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
