"""Choices in prompts: one text stands for many, "{a man|a woman} with {short|long} hair"."""

import hashlib
import re
from collections import Counter

_CHOICE = re.compile(r"\{([^{}]*\|[^{}]*)\}")


def choose(text: str, seed: int, number: int) -> str:
    """The text with one option of each choice, written as in ComfyUI's own prompts.

    Text `number` of a seed is always the same, and equal choices of two texts fall alike: the first "{a|b}" of one as
    the first "{a|b}" of the other. So two prompts that differ in a word only differ in that word, whoever is chosen.
    """
    seen = Counter[str]()

    def option(found: re.Match) -> str:
        options = found[1]
        seen[options] += 1
        digest = hashlib.sha256(repr((seed, number, options, seen[options])).encode()).digest()
        parts = options.split("|")
        return parts[int.from_bytes(digest[:8], "big") % len(parts)]

    return _CHOICE.sub(option, text)
