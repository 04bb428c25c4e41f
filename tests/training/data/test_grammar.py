"""Grammars: what they draw, how often, and how mistakes are named."""

from collections import Counter

import pytest

from ddgi.errors import InputError
from ddgi.headworld import VOCABULARY, parse_caption
from ddgi.training.data import Grammar, faces, head_world


def test_a_seed_always_gives_the_same_prompt():
    prompts = [faces().draw(seed) for seed in range(200)]
    assert prompts == [faces().draw(seed) for seed in range(200)]
    assert len(set(prompts)) > 190


def test_options_are_drawn_by_weight_and_optional_text_by_probability():
    grammar = Grammar.parse("start:\n  [a](0.2: extra)\na:\n  3: x\n  y\n")
    counts = Counter(grammar.draw(seed) for seed in range(4000))
    assert set(counts) == {"x", "y", "x extra", "y extra"}
    # Four standard deviations of a binomial with 4000 draws are 0.027 and 0.025.
    assert abs((counts["x"] + counts["x extra"]) / 4000 - 0.75) < 0.03
    assert abs((counts["x extra"] + counts["y extra"]) / 4000 - 0.2) < 0.03


def test_articles_spaces_and_commas_are_tidied():
    grammar = Grammar.parse("start:\n  [nothing] a/an [nothing] old  man(1: , a/an  hat)(0: never)\nnothing:\n  -\n")
    assert grammar.draw(0) == "an old man, a hat"


def test_optional_parts_nest_and_comments_are_left_out():
    assert Grammar.parse("# words\nstart:\n  # more\n  a(1: b(1: c(0: d)))\n").draw(1) == "a b c"


DOUBLING = "start:\n  [r0]\n" + "".join(f"r{n}:\n  [r{n + 1}][r{n + 1}]\n" for n in range(40)) + "r40:\n  x\n"
CHAIN = "start:\n  [r0]\n" + "".join(f"r{n}:\n  [r{n + 1}]\n" for n in range(2000)) + "r2000:\n  x\n"


@pytest.mark.parametrize("text, message", [
    ("start:\n  " + "9" * 400 + ": x\n", r"line 2: the weight is larger than 1e\+09"),
    (DOUBLING, "can draw more than 10,000 letters"), (CHAIN, "more than 50 rules lead into one another"),
    ("", "has no rule 'start'"),
    ("start:\n", "'start' has no options"),
    ("  x\n", "line 1: an option stands before any rule"),
    ("start:\n  [hair]\n", r"names .hair., which is no rule"),
    ("start:\n  [a]\na:\n  [b]\nb:\n  x(0.1: [a])\n", "circle \\(a -> b -> a\\)"),
    ("start:\n  x [a\n", r"line 2: a '\[' is never closed"),
    ("start:\n  x (a\n", r"line 2: a '\(' is never closed"),
    ("start:\n  x) a\n", r"line 2: a '\)' has no"),
    ("start:\n  x\nstart:\n  y\n", "line 3: the rule 'start' is there twice"),
    ("start:\n  0: x\n", "line 2: the weight 0 is not above 0"),
    ("start:\n  (2: x)\n", "line 2: the probability 2 is not between"),
    ("start:\n  x\nno colon\n", "line 3: 'no colon' is no rule"),
    ("start:\n  " + "(" * 100 + ")" * 100 + "\n", "more than 50 brackets"),
])
def test_mistakes_are_named_with_their_line(text, message):
    with pytest.raises(InputError, match=message):
        Grammar.parse(text)


def test_a_grammar_file_is_read_and_a_missing_or_binary_one_is_named(tmp_path):
    (tmp_path / "own.txt").write_text("start:\n  hello\n", encoding="utf-8")
    assert Grammar.load(tmp_path / "own.txt").draw(0) == "hello"
    with pytest.raises(InputError, match="There is no file .*none.txt"):
        Grammar.load(tmp_path / "none.txt")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="bytes.txt is no UTF-8 text"):
        Grammar.load(tmp_path / "bytes.txt")


def test_head_world_prompts_use_only_words_that_the_demo_models_know():
    assert head_world().words() <= set(VOCABULARY) | {"a", "an"}


def test_head_world_prompts_name_every_attribute_readably():
    needed = {"gender", "hair_style", "hair_colour", "eye_colour", "expression"}
    for seed in range(300):
        prompt = head_world().draw(seed)
        found = parse_caption(prompt)
        assert needed <= set(found), prompt
        assert not (found["gender"] == "woman" and found["beard"] == "yes"), prompt
        assert not (found["hat"] == "yes" and found["hair_style"] in ("bun", "bald")), prompt
        assert (found["hat"] == "yes") == ("hat" in prompt.replace(",", "").split()), prompt


def test_face_prompts_read_as_sentences():
    for seed in range(300):
        prompt = faces().draw(seed)
        assert "/" not in prompt and "[" not in prompt and "  " not in prompt and " ," not in prompt, prompt
        assert " a a" not in prompt and " an b" not in prompt and not prompt.endswith(","), prompt
        assert ("woman" in prompt.split()) != ("man" in prompt.split()), prompt
