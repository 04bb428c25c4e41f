"""Sentences about heads: a small grammar, its vocabulary and its inverse.

"a smiling woman with long red hair, green eyes and glasses". Every attribute is named; an accessory
that is not there is not mentioned.
"""

import re
from collections.abc import Sequence

from .parameters import ATTRIBUTE_NAMES, ATTRIBUTES

# Words that mean a value; the grammar draws from all of them.
SYNONYMS: dict[str, dict[str, tuple[str, ...]]] = {
    "gender": {"woman": ("woman", "lady"), "man": ("man", "guy")},
    "hair_style": {"short": ("short",), "long": ("long",), "curly": ("curly",), "bun": ("bun",), "bald": ("bald",)},
    "hair_colour": {"black": ("black",), "brown": ("brown",), "blond": ("blond", "blonde"),
                    "red": ("red", "ginger"), "grey": ("grey", "gray")},
    "eye_colour": {"brown": ("brown",), "blue": ("blue",), "green": ("green",)},
    "expression": {"neutral": ("neutral", "calm"), "smiling": ("smiling", "happy"),
                   "surprised": ("surprised", "astonished"), "sad": ("sad", "unhappy")},
    "beard": {"yes": ("beard",)},
    "glasses": {"yes": ("glasses", "spectacles")},
    "hat": {"yes": ("hat",)},
    "earrings": {"yes": ("earrings",)},
    "necklace": {"yes": ("necklace",)},
}
# Understood in prompts, never written.
UNDERSTOOD: dict[str, dict[str, tuple[str, ...]]] = {
    "gender": {"woman": ("female", "girl"), "man": ("male", "gentleman", "boy")},
    "expression": {"smiling": ("smile", "grinning", "laughing"), "surprised": ("shocked",), "neutral": ("serious",)},
    "hair_style": {"bun": ("updo",), "curly": ("curls",)},
    "hair_colour": {"black": ("dark",)},
    "glasses": {"yes": ("eyeglasses",)},
    "hat": {"yes": ("cap", "beanie")},
    "beard": {"yes": ("bearded",)},
    "earrings": {"yes": ("earring",)},
}
_OPENINGS = ("", "", "portrait of ", "the face of ")
_GLUE = ("a", "an", "the", "with", "and", "in", "of", "hair", "eyes", "wearing", "portrait", "face",
         "who", "is", "has", "wears", "person", "picture", "head")


def _vocabulary() -> tuple[str, ...]:
    tables = [words for table in (SYNONYMS, UNDERSTOOD) for values in table.values() for words in values.values()]
    return tuple(sorted({word for words in tables for word in words} | set(_GLUE)))


VOCABULARY: tuple[str, ...] = _vocabulary()


class _Choices:
    """Deterministic draws from one number (a linear congruential generator, Numerical Recipes)."""

    def __init__(self, seed: int):
        self.state = (seed * 2654435761 + 12345) % 2 ** 32

    def below(self, count: int) -> int:
        self.state = (self.state * 1664525 + 1013904223) % 2 ** 32
        return (self.state >> 16) % count

    def pick(self, options: Sequence[str]) -> str:
        return options[self.below(len(options))]


def _article(phrase: str) -> str:
    return f"an {phrase}" if phrase[0] in "aeiou" else f"a {phrase}"


def _join(phrases: Sequence[str]) -> str:
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def caption(attributes: Sequence[int], seed: int = 0) -> str:
    """One sentence for a row of value indices in the order of `ATTRIBUTES`; `seed` chooses the wording."""
    value = {name: ATTRIBUTES[name][index] for name, index in zip(ATTRIBUTE_NAMES, attributes)}
    draw = _Choices(seed)
    word = {name: draw.pick(SYNONYMS[name][value[name]]) for name in ATTRIBUTE_NAMES
            if value[name] in SYNONYMS[name]}
    bald = value["hair_style"] == "bald"
    subject = " ".join([word["expression"]] + (["bald"] if bald else []) + [word["gender"]])
    traits = [f"{word['eye_colour']} eyes"]
    if not bald:
        traits.insert(draw.below(2), _hair_phrase(value, word, draw))
    if "beard" in word:
        traits.append("a beard")
    worn = [word[name] if name in ("glasses", "earrings") else f"a {word[name]}"
            for name in ("glasses", "hat", "earrings", "necklace") if name in word]
    if worn and draw.below(2):
        worn = worn[::-1]
    opening = draw.pick(_OPENINGS)
    if worn and draw.below(2):
        return f"{opening}{_article(subject)} with {_join(traits)}, wearing {_join(worn)}"
    return f"{opening}{_article(subject)} with {_join(traits + worn)}"


def _hair_phrase(value: dict[str, str], word: dict[str, str], draw: _Choices) -> str:
    if value["hair_style"] != "bun":
        return f"{word['hair_style']} {word['hair_colour']} hair"
    return draw.pick((f"{word['hair_colour']} hair in a bun", _article(f"{word['hair_colour']} bun")))


def parse_caption(text: str) -> dict[str, str]:
    """Attribute values a sentence names.

    Things worn (beard, glasses, hat, earrings, necklace) that are not mentioned are "no"; other
    attributes that are not mentioned are left out. A colour belongs to the next "hair", "bun" or "eyes".
    """
    found: dict[str, str] = {}
    colour = ""
    plain = {word: (name, value) for table in (SYNONYMS, UNDERSTOOD) for name, values in table.items()
             if not name.endswith("_colour") for value, words in values.items() for word in words}
    for token in re.findall(r"[a-z]+", text.lower()):
        if token in plain:
            name, value = plain[token]
            found[name] = value
        if token in ("hair", "bun", "curls", "updo", "eyes"):
            name = "eye_colour" if token == "eyes" else "hair_colour"
            named = _colour_value(name, colour)
            if named:
                found[name] = named
            colour = ""
        elif _colour_value("hair_colour", token) or _colour_value("eye_colour", token):
            colour = token
    if found.get("hair_style") == "bald":
        found["hair_colour"] = "none"
    for name in ("beard", "glasses", "hat", "earrings", "necklace"):
        found.setdefault(name, "no")
    return found


def _colour_value(name: str, word: str) -> str:
    for table in (SYNONYMS, UNDERSTOOD):
        for value, words in table.get(name, {}).items():
            if word in words:
                return value
    return ""
