"""Word maps: pieces joined to words, means over tokens and stages, contrast, overlays, the pointing game."""

import pytest
import torch

from ddgi.errors import InputError
from ddgi.features import StepFeatures, Word, join_pieces, overlay, pointing_game, word_maps

HAT, HAIR = Word("hat", (1,)), Word("curls", (2, 3))


def step(*stages):
    """Features whose word maps are `stages`, each [B, tokens, h, w]."""
    plain = tuple(torch.zeros(len(maps), 1, *maps.shape[-2:]) for maps in stages)
    return StepFeatures(0, 1.0, 1.0, torch.zeros(len(stages[0]), 1, 1, 1), plain, plain, stages, stages)


def test_pieces_are_joined_to_words_and_signs_are_none():
    pieces = [None, "a</w>", "spec", "tacles</w>", ",</w>", "r2", "-d2</w>", None, "end", None]
    assert join_pieces(pieces) == (Word("a", (1,)), Word("spectacles", (2, 3)), Word("r2-d2", (5, 6)),
                                   Word("end", (8,)))


def test_a_map_is_the_mean_over_tokens_and_stages_from_0_to_1():
    fine = torch.rand(2, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    maps = word_maps(step(fine), (HAT, HAIR), (3, 5))
    expected = torch.stack([fine[:, 1], (fine[:, 2] + fine[:, 3]) / 2], 1)
    low, high = expected.amin((2, 3), keepdim=True), expected.amax((2, 3), keepdim=True)
    assert torch.allclose(maps, (expected - low) / (high - low), atol=1e-6)     # single precision
    both = step(torch.ones(2, 4, 1, 1), fine)
    assert torch.allclose(word_maps(both, (HAT,), (3, 5)), maps[:, :1], atol=1e-6)     # a flat stage moves nothing
    assert word_maps(both, (HAT,), (3, 5), stage=0).max() < 0.01    # flat but for rounding


def test_contrast_leaves_what_one_word_alone_looks_at():
    both = torch.tensor([[0.0, 0.0], [0.4, 0.4], [0.4, 0.1], [0.4, 0.1]]).reshape(1, 4, 1, 2)
    plain = word_maps(step(both), (HAT, HAIR), (1, 2))[0, :, 0]
    assert plain.tolist() == [[0.0, 0.0], [1.0, 0.0]]
    assert word_maps(step(both), (HAT, HAIR), (1, 2), contrast=True)[0, :, 0].tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_what_is_not_there_is_named():
    features = step(torch.rand(1, 4, 2, 2))
    with pytest.raises(InputError, match="has 1 stages"):
        word_maps(features, (HAT,), (2, 2), stage=1)
    with pytest.raises(InputError, match="no words"):
        word_maps(features, (), (2, 2))


def test_overlays_keep_the_picture_where_the_map_is_1_and_darken_it_elsewhere():
    picture = torch.tensor([0.5, -0.25]).expand(1, 3, 1, 2)
    shown = overlay(picture, torch.tensor([[[[1.0, 0.0]]]]))
    assert torch.allclose(shown[0, 0, 0], torch.tensor([0.5, 0.75 * 0.35 - 1]))


def test_pointing_game_asks_for_the_highest_point():
    maps = torch.zeros(2, 2, 2)
    maps[:, 1, 0] = 1
    areas = torch.tensor([[[False, False], [True, False]], [[True, True], [False, True]]])
    assert pointing_game(maps, areas).tolist() == [True, False]
