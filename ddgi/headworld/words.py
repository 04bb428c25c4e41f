"""The words of head world: what each value and style is called, and the vocabulary in the order of its ids."""

import difflib
import re

from .styles import STYLES

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
# A face of which no gender is told.
NOUNS = ("person", "someone", "face")
_GLUE = ("a", "an", "the", "with", "and", "in", "of", "hair", "eyes", "wearing", "portrait", "face",
         "who", "is", "has", "wears", "person", "picture", "head")
# What came after the first models were trained. New words go to the end of this list, so that no word before them
# ever gets another id.
LATER_WORDS = ("someone", "without", "or", "cartoon", "drawing", "comic", "pencil", "sketch", "watercolour",
               "watercolor", "painting", "marble", "statue", "bust", "sculpture", "clay", "figure", "model",
               "plasticine", "pixel", "art", "pixelated")
# Words that people try and the vocabulary lacks, where spelling leads nowhere.
MEANT: dict[str, tuple[str, ...]] = {
    "no": ("without",), "auburn": ("red", "brown"), "ruby": ("red",), "copper": ("red", "ginger"), "orange": ("red",),
    "golden": ("blond",), "yellow": ("blond",), "silver": ("grey",), "white": ("grey",), "brunette": ("brown",),
    "chestnut": ("brown",), "raven": ("black",), "hazel": ("brown", "green"), "azure": ("blue",),
    "wavy": ("curly",), "afro": ("curly",), "braided": ("long",), "ponytail": ("bun",), "shaved": ("bald",),
    "moustache": ("beard",), "mustache": ("beard",), "goatee": ("beard",), "stubble": ("beard",),
    "sunglasses": ("glasses",), "shades": ("glasses",), "helmet": ("hat",), "hoops": ("earrings",),
    "pendant": ("necklace",), "chain": ("necklace",), "pearls": ("necklace",), "angry": ("sad", "serious"),
    "amazed": ("astonished",), "cheerful": ("happy",), "joyful": ("happy",), "crying": ("sad",),
    "child": ("girl", "boy"), "human": ("person",), "comics": ("cartoon",), "anime": ("cartoon",),
    "ink": ("pencil",), "charcoal": ("pencil",), "stone": ("marble",), "ceramic": ("clay",),
    "aquarelle": ("watercolour",), "retro": ("pixel",),
}


def _vocabulary() -> tuple[str, ...]:
    tables = [words for table in (SYNONYMS, UNDERSTOOD) for values in table.values() for words in values.values()]
    return tuple(sorted({word for words in tables for word in words} | set(_GLUE))) + LATER_WORDS


VOCABULARY: tuple[str, ...] = _vocabulary()


def style_of(word: str) -> str:
    """The style a word names, or an empty string."""
    return next((name for name, style in STYLES.items() if word in style.words), "")


def unknown_words(text: str, proposals: int = 3) -> dict[str, list[str]]:
    """The words of a prompt that are not in `VOCABULARY`, each with known ones that may be meant, best first."""
    unknown = dict.fromkeys(word for word in re.findall(r"[a-z]+", text.lower()) if word not in VOCABULARY)
    return {word: list(MEANT[word]) if word in MEANT else difflib.get_close_matches(word, VOCABULARY, proposals, 0.7)
            for word in unknown}
