import itertools

import pytest

from ddgi.errors import InputError
from ddgi.headworld import (
    ATTRIBUTES,
    LATER_WORDS,
    STYLES,
    VOCABULARY,
    caption,
    named_attributes,
    parameters_from_z,
    parse_caption,
    stack_seeds,
    unknown_words,
)
from ddgi.headworld.words import MEANT, SYNONYMS

ROWS = parameters_from_z(stack_seeds(range(300))).attributes.tolist()


def named(row):
    return {name: values[index] for (name, values), index in zip(ATTRIBUTES.items(), row)}


def test_every_caption_says_exactly_what_is_there():
    for seed, row in enumerate(ROWS):
        for wording in range(4):
            text = caption(row, seed * 4 + wording)
            assert parse_caption(text) == named(row), text


def some_names(seed):
    """Any subset of the attributes, a different one for every seed below 1024."""
    return {name for bit, name in enumerate(ATTRIBUTES) if seed >> bit & 1}


def told(row, names, style):
    """What `named_attributes` is to find in a caption that tells some attributes."""
    found = {name: value for name, value in named(row).items() if name in names - STYLES[style].hides}
    if found.get("hair_style") == "bald":
        found["hair_colour"] = "none"
    elif found.get("hair_colour") == "none":
        del found["hair_colour"]
    return found | ({"style": style} if style != "studio" else {})


def test_a_caption_names_what_it_is_asked_to_tell_and_nothing_else():
    for seed in range(1024):
        row, style = ROWS[seed % len(ROWS)], list(STYLES)[seed % len(STYLES)]
        names = some_names(seed * 389 % 1024)
        text = caption(row, seed, names, style)
        assert named_attributes(text) == told(row, names, style), text


def test_a_full_caption_of_a_style_names_all_that_can_be_seen():
    for style, (seed, row) in itertools.product(STYLES, enumerate(ROWS[:60])):
        text = caption(row, seed, style=style)
        present = {name for name, value in named(row).items() if value != "no"}
        assert named_attributes(text) == told(row, present, style), text
        assert "without" not in text


@pytest.mark.parametrize(("tell", "sentences"), [
    ((), {"a face", "a person", "someone", "portrait of a face", "portrait of a person", "portrait of someone",
          "the face of a person", "the face of someone"}),
    (("gender",), {"a woman", "a lady", "portrait of a woman", "portrait of a lady", "the face of a woman",
                   "the face of a lady"})])
def test_short_captions(tell, sentences):
    woman = next(row for row in ROWS if named(row)["gender"] == "woman")
    assert {caption(woman, seed, tell) for seed in range(400)} == sentences


def test_not_named_differs_from_named_absent():
    assert named_attributes("someone with red hair, without glasses or a hat") == {
        "hair_colour": "red", "glasses": "no", "hat": "no"}
    assert named_attributes("a man without earrings, with a hat") == {"gender": "man", "earrings": "no", "hat": "yes"}
    assert named_attributes("a man with no beard, glasses") == {"gender": "man", "beard": "no", "glasses": "yes"}
    assert named_attributes("a face") == {}
    assert parse_caption("a face without a hat")["glasses"] == "no"       # a full caption is silent on absent things


def test_the_first_words_keep_their_places():
    """Trained text encoders know words by place; new words go to the end of `LATER_WORDS`."""
    first = VOCABULARY[:-len(LATER_WORDS)]
    assert (len(first), first[0], first[-1]) == (70, "a", "woman")
    assert first == tuple(sorted(first))
    assert VOCABULARY[-len(LATER_WORDS):] == LATER_WORDS
    assert len(set(VOCABULARY)) == len(VOCABULARY)


def test_unknown_words_come_with_proposals():
    found = unknown_words("Ruby curls and glases, a (smilling:1.2) man, zyx")
    assert found == {"ruby": ["red"], "glases": ["glasses", "eyeglasses"], "smilling": ["smiling"], "zyx": []}
    assert all(word in VOCABULARY for words in unknown_words(" ".join(MEANT)).values() for word in words)
    assert unknown_words(caption(ROWS[0])) == {}


def test_an_unknown_attribute_or_style_is_refused():
    with pytest.raises(InputError, match=r"no attribute 'shoes'.*glasses"):
        caption(ROWS[0], tell=["shoes"])
    with pytest.raises(InputError, match=r"no style 'oil'.*marble"):
        caption(ROWS[0], style="oil")


def test_vocabulary_covers_captions():
    words = {word for seed, row in enumerate(ROWS) for style in STYLES for tell in (None, some_names(seed))
             for word in caption(row, seed, tell, style).replace(",", "").split()}
    assert words <= set(VOCABULARY)
    assert {word for style in STYLES.values() for word in style.words} <= set(VOCABULARY)
    assert all(word == word.lower() for word in VOCABULARY)


def test_every_synonym_is_written_sometimes():
    words = {word for seed, row in enumerate(ROWS) for word in caption(row, seed).replace(",", "").split()}
    assert {w for values in SYNONYMS.values() for group in values.values() for w in group} <= words


def test_wording_is_deterministic_and_varies():
    assert caption(ROWS[0], 7) == caption(ROWS[0], 7)
    assert len({caption(ROWS[0], seed) for seed in range(32)}) > 4


def test_a_free_prompt_is_understood():
    found = parse_caption("A smiling lady with long red hair, green eyes and glasses")
    assert found == {"gender": "woman", "expression": "smiling", "hair_style": "long", "hair_colour": "red",
                     "eye_colour": "green", "beard": "no", "glasses": "yes", "hat": "no", "earrings": "no",
                     "necklace": "no"}


def test_what_is_not_said_is_left_out():
    assert "eye_colour" not in parse_caption("a man with brown hair")
