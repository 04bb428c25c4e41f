from ddgi.headworld import ATTRIBUTES, VOCABULARY, caption, parameters_from_z, parse_caption, stack_seeds
from ddgi.headworld.caption import SYNONYMS

ROWS = parameters_from_z(stack_seeds(range(300))).attributes.tolist()


def named(row):
    return {name: values[index] for (name, values), index in zip(ATTRIBUTES.items(), row)}


def test_every_caption_says_exactly_what_is_there():
    for seed, row in enumerate(ROWS):
        for wording in range(4):
            text = caption(row, seed * 4 + wording)
            assert parse_caption(text) == named(row), text


def test_vocabulary_covers_captions():
    words = {word for seed, row in enumerate(ROWS) for word in caption(row, seed).replace(",", "").split()}
    assert words <= set(VOCABULARY)
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
