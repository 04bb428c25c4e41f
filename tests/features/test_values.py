"""Feature values: shapes are checked, steps are found, words fit."""

import pytest
import torch

from ddgi.errors import InputError
from ddgi.features import (
    DiffusionFeatures,
    FeatureLayout,
    StageLayout,
    StepFeatures,
    fit_words,
    words_of_ids,
    words_of_length,
)

LAYOUT = FeatureLayout("custom", 8, (StageLayout(6, 2, (0, 1), 2), StageLayout(4, 1, (2, 3), 2)), (4, 6), 24)


def step(number=0, batch=2, tokens=5):
    sizes = ((6, 2, 3), (4, 4, 6))
    maps = tuple(torch.rand(batch, *size) for size in sizes)
    words = tuple(torch.rand(batch, tokens, *size[1:]) for size in sizes)
    return StepFeatures(number, 10.0, 1.0, torch.rand(batch, 8, 1, 2), maps, maps, words, words)


def features(numbers=(0, 3, 7)):
    return DiffusionFeatures(LAYOUT, tuple(map(step, numbers)), torch.ones(2, 5, dtype=torch.bool))


@pytest.mark.parametrize("choice, number", [("first", 0), ("last", 7), (3, 3), (-1, 7), (-3, 0), (0, 0)])
def test_select(choice, number):
    assert features().select(choice).step == number


@pytest.mark.parametrize("choice", [1, 8, -4, "middle"])
def test_select_names_the_captured_steps(choice):
    with pytest.raises(InputError, match="hold steps 0, 3, 7"):
        features().select(choice)


def test_to_moves_everything_but_words():
    half = features().to(torch.float16)
    tensors = [t for s in half.steps for t in (s.h, *s.f, *s.attention, *s.word_mean, *s.word_max)]
    assert {t.dtype for t in tensors} == {torch.float16}
    assert half.words.dtype == torch.bool


@pytest.mark.parametrize("numbers", [(), (3, 0), (1, 1)])
def test_steps_must_rise(numbers):
    with pytest.raises(InputError):
        features(numbers)


def test_channels_and_words_must_fit():
    other = FeatureLayout("custom", 9, LAYOUT.stages)
    with pytest.raises(InputError, match="has channels|channels"):
        DiffusionFeatures(other, (step(),), torch.ones(2, 5, dtype=torch.bool))
    with pytest.raises(InputError, match="one flag per row and token"):
        DiffusionFeatures(LAYOUT, (step(),), torch.ones(1, 5, dtype=torch.bool))


def test_maps_of_one_stage_share_their_size():
    good = step()
    with pytest.raises(InputError, match="same batch and size"):
        StepFeatures(0, 1.0, 1.0, good.h, good.f, good.attention[::-1], good.word_mean, good.word_max)


def test_words_of_ids_leaves_out_what_the_empty_prompt_has():
    ids = [[900, 5, 6, 901, 901], [900, torch.zeros(3), 901, 901, 901]]
    assert words_of_ids(ids, [900, 901, 901]).int().tolist() == [[0, 1, 1, 0, 0, 0, 1, 0, 0, 0]]


def test_unknown_words_are_all_but_the_first_of_each_chunk():
    guess = words_of_length(154)
    assert guess.sum() == 152
    assert not guess[0, 0]
    assert not guess[0, 77]
    assert words_of_length(12).sum() == 11


def test_words_are_cut_or_continued():
    known = torch.zeros(1, 77, dtype=torch.bool)
    known[0, 3] = True
    assert fit_words(known, 154)[0, :77].equal(known[0])
    assert fit_words(known, 154)[0, 77:].sum() == 76
    assert fit_words(known, 10).equal(known[:, :10])
    assert fit_words(None, 77).sum() == 76
