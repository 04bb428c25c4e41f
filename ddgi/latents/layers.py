"""Which of a latent's w vectors are meant: "coarse", "middle", "fine", "all", or numbers."""

import re

from ..errors import InputError

GROUPS = ("coarse", "middle", "fine")
ALL = "all"
_RANGE = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")


def layer_groups(num_ws: int) -> dict[str, range]:
    """{"coarse", "middle", "fine"}: layers of each.

    Coarse are the first four (4 and 8 px in StyleGAN2) and middle the next four (16 and 32 px), as in Karras et al.
    2019, section 3.1; generators with fewer than 12 layers are cut in thirds.
    """
    first, second = min(4, num_ws // 3), min(8, 2 * num_ws // 3)
    return {"coarse": range(first), "middle": range(first, second), "fine": range(second, num_ws)}


def parse_layers(text: str, num_ws: int) -> tuple[int, ...]:
    """Layer numbers in order, for example of "all", "coarse, middle", "fine" or "0-3, 8".

    Raises:
        InputError: an unknown word, or a number that the generator does not have.
    """
    groups, found = layer_groups(num_ws), set()
    for word in filter(None, re.split(r"[,;+\s]+", text.strip().lower())):
        match = _RANGE.fullmatch(word)
        if word == ALL:
            found.update(range(num_ws))
        elif word in groups:
            found.update(groups[word])
        elif match is not None:
            found.update(range(int(match[1]), int(match[2] or match[1]) + 1))
        else:
            raise InputError(f"The layers {text[:60]!r} were given; write all, coarse, middle, fine, or numbers such "
                             f"as 0-3, 8.")
    if not found:
        raise InputError("No layers were given; write all, coarse, middle, fine, or numbers such as 0-3, 8.")
    if max(found) >= num_ws:
        raise InputError(f"Layer {max(found)} was given, but this generator has layers 0 to {num_ws - 1}.")
    return tuple(sorted(found))
