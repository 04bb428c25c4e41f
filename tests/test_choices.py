"""Choices in prompts."""

from collections import Counter

from ddgi.choices import choose


def test_equal_choices_fall_alike_whatever_stands_around_them():
    with_it = "{a woman|a man} with {red|black} hair and {glasses|a hat}"
    without = "a smiling {a woman|a man}, {red|black}"
    for number in range(50):
        person, colour = choose(without, 3, number).removeprefix("a smiling ").split(", ")
        assert choose(with_it, 3, number).startswith(f"{person} with {colour} hair and ")


def test_options_are_met_about_equally_often_and_independently():
    seen = Counter(choose("{a|b} {a|b} {x|y|z}", 0, number) for number in range(1200))
    assert len(seen) == 12 and all(abs(count - 100) < 45 for count in seen.values())       # 100 each: within 4.5 sigma
    assert choose("{a|b|c|d|e|f|g|h}", 1, 0) == choose("{a|b|c|d|e|f|g|h}", 1, 0)
    assert len({choose("{a|b|c|d|e|f|g|h}", seed, 0) for seed in range(40)}) > 4


def test_what_is_no_choice_stays():
    for text in ("a face", "{red}", "{}", "a|b", "a {b", "{a {b} c}"):
        assert choose(text, 0, 0) == text
    assert choose("{ |with a hat}", 0, 0) in (" ", "with a hat")
