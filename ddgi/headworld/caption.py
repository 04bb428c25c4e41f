"""Sentences about heads: a small grammar and its inverse.

"a smiling woman with long red hair, green eyes and glasses". A full caption names every attribute, and an accessory
that is not there by silence. A caption that tells only some of them leaves the others free: what is not named may be
there or not, and what is told to be absent is named: "someone with red hair, without glasses or a hat".
"""

import re
from collections.abc import Collection, Sequence

from ..errors import InputError
from .parameters import ATTRIBUTE_NAMES, ATTRIBUTES
from .shapes import WORN
from .styles import style_row
from .words import NOUNS, SYNONYMS, UNDERSTOOD, style_of

_BEFORE_NOUNS = {"bald", *(word for words in SYNONYMS["expression"].values() for word in words)}


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


def _join(phrases: Sequence[str], last: str = "and") -> str:
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} {last} {phrases[-1]}"


def caption(attributes: Sequence[int], seed: int = 0, tell: Collection[str] | None = None,
            style: str = "studio") -> str:
    """One sentence for a row of value indices in the order of `ATTRIBUTES`.

    Args:
        attributes: value indices.
        seed: chooses the wording.
        tell: names of the attributes to tell; None is all of them, with absent accessories passed over in silence.
            A colour of hair that is not there is never told.
        style: a name of `STYLES`; every one but studio is named, and what it hides is left out.

    Raises:
        InputError: an unknown attribute or style.
    """
    unknown = sorted(set(tell or ()) - set(ATTRIBUTE_NAMES))
    if unknown:
        raise InputError(f"There is no attribute {unknown[0]!r}; tell some of {', '.join(ATTRIBUTE_NAMES)}.")
    row = style_row(style)
    value = {name: ATTRIBUTES[name][index] for name, index in zip(ATTRIBUTE_NAMES, attributes)}
    told = {name for name in ATTRIBUTE_NAMES if name not in row.hides and (tell is None or name in tell)}
    draw = _Choices(seed)
    word = {name: draw.pick(SYNONYMS[name][value[name]]) for name in ATTRIBUTE_NAMES if value[name] in SYNONYMS[name]}
    word = {name: chosen for name, chosen in word.items() if name in told}
    traits = [f"{word['eye_colour']} eyes"] if "eye_colour" in word else []
    if ("hair_style" in word or "hair_colour" in word) and value["hair_style"] != "bald":
        place = draw.below(2)
        traits.insert(place, _hair_phrase(word, draw))
    if "beard" in word:
        traits.append("a beard")
    worn = [_thing(word[name]) for name in WORN[1:] if name in word]
    if worn and draw.below(2):
        worn = worn[::-1]
    sentence = _subject(word, draw.pick(row.openings), draw)
    if worn and draw.below(2):
        clauses = [("with", traits, "and"), ("wearing", worn, "and")]
    else:
        clauses = [("with", traits + worn, "and")]
    if tell is not None:
        absent = [_thing(SYNONYMS[name]["yes"][0]) for name in WORN if name in told and value[name] == "no"]
        clauses.append(("without", absent, "or"))
    said = [f"{begin} {_join(things, last)}" for begin, things, last in clauses if things]
    return " ".join([sentence, ", ".join(said)]) if said else sentence


def _subject(word: dict[str, str], opening: str, draw: _Choices) -> str:
    """The sentence up to its first clause: opening, expression and person."""
    adjectives = [word[name] for name in ("expression", "hair_style") if word.get(name) in _BEFORE_NOUNS]
    if "gender" in word:
        noun = word["gender"]
    else:
        noun = draw.pick(NOUNS[:1 if adjectives else 2] + (() if "face" in opening else ("face",)))
    return opening + (noun if noun == "someone" else _article(" ".join([*adjectives, noun])))


def _thing(word: str) -> str:
    """One thing that is worn, with its article."""
    return word if word.endswith("s") else f"a {word}"


def _hair_phrase(word: dict[str, str], draw: _Choices) -> str:
    """Hair of a told style, colour or both."""
    colour = [word["hair_colour"]] if "hair_colour" in word else []
    if word.get("hair_style") != "bun":
        return " ".join(([word["hair_style"]] if "hair_style" in word else []) + colour + ["hair"])
    return draw.pick((" ".join([*colour, "hair in a bun"]), _article(" ".join([*colour, "bun"]))))


def parse_caption(text: str) -> dict[str, str]:
    """Attribute values a full caption names; an accessory (`WORN`) that is not mentioned is "no".

    Other attributes that are not mentioned are left out; see `named_attributes`.
    """
    found = named_attributes(text)
    for name in WORN:
        found.setdefault(name, "no")
    return found


def named_attributes(text: str) -> dict[str, str]:
    """Attribute values a sentence names, and "style" where it names one; what is left out of the result is free.

    An accessory is "no" only after "without" or "no". A colour belongs to the next "hair", "bun" or "eyes".
    """
    found: dict[str, str] = {}
    colour, absence = "", ""
    plain = {word: (name, value) for table in (SYNONYMS, UNDERSTOOD) for name, values in table.items()
             if not name.endswith("_colour") for value, words in values.items() for word in words}
    for token in re.findall(r"[a-z]+", text.lower()):
        if token in plain:
            name, value = plain[token]
            found[name] = "no" if absence and name in WORN else value
            absence = absence if absence == "without" else ""               # "no" is about the next thing alone
        if token in ("without", "no"):
            absence = token
        elif token in ("with", "wearing", "wears", "has"):
            absence = ""
        if style_of(token):
            found.setdefault("style", style_of(token))
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
    return found


def _colour_value(name: str, word: str) -> str:
    for table in (SYNONYMS, UNDERSTOOD):
        for value, words in table.get(name, {}).items():
            if word in words:
                return value
    return ""
