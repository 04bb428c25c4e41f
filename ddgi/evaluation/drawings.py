"""Drawings by hand as a test: does a picture show what was drawn?

A folder holds `drawings.json`, a list of {"mask", "scribble": file names, "hair_style": "short" | "long" | "bald",
"mouth": "neutral" | "smiling" | "sad", "glasses", "hat", "earrings", "necklace": true or false}.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError
from ..headworld import ATTRIBUTES, caption
from ..palette import CLASS_NAMES
from .judges import Judges

HAIR, MOUTHS = ("short", "long", "bald"), ("neutral", "smiling", "sad")
WORN = ("glasses", "hat", "earrings", "necklace")
JEWELLERY = ("earrings", "necklace")
COLUMNS = {"glasses": "drawn glasses seen", "hat": "drawn hats seen", "mouth": "mouth as drawn",
           "hair": "hair as drawn", "jewellery": "jewellery that nobody drew", "areas": "large areas agree"}
_LARGE = {"background": 0, "hair": 13, "hat": 14, "neck": 17, "necklace": 17, "cloth": 18}


@dataclass(frozen=True)
class Drawing:
    """mask, scribble: files. hair_style, mouth: what is drawn. worn: those of `WORN` that are drawn."""

    mask: Path
    scribble: Path
    hair_style: str
    mouth: str
    worn: frozenset[str]

    def told(self, seed: int = 0) -> str:
        """A sentence that says what is drawn."""
        value = {"hair_style": self.hair_style, "expression": self.mouth} | dict.fromkeys(self.worn, "yes")
        row = [values.index(value[name]) if name in value else 0 for name, values in ATTRIBUTES.items()]
        return caption(row, seed, set(value))


def read_drawings(folder: str | Path) -> list[Drawing]:
    """The drawings of a folder.

    Raises:
        InputError: `drawings.json` is missing or says what cannot be; the message names the entry.
    """
    path = Path(folder) / "drawings.json"
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        found = [Drawing(path.parent / row["mask"], path.parent / row["scribble"], row["hair_style"], row["mouth"],
                         frozenset(name for name in WORN if row[name])) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} could not be read ({type(error).__name__}: {error}); it must be a list of drawings, "
                         "each with mask, scribble, hair_style, mouth, glasses, hat, earrings and necklace.") from error
    for number, drawing in enumerate(found):
        for file in (drawing.mask, drawing.scribble):
            if not file.is_file():
                raise InputError(f"Drawing {number} of {path} names {file.name}, which is not in its folder; add it.")
        if drawing.hair_style not in HAIR or drawing.mouth not in MOUTHS:
            raise InputError(f"Drawing {number} of {path} has hair {drawing.hair_style!r} and mouth {drawing.mouth!r}; "
                             f"hair is {', '.join(HAIR)}, a mouth {', '.join(MOUTHS)}.")
    if not found:
        raise InputError(f"{path} holds no drawings; add some.")
    return found


@torch.no_grad()
def score_drawings(judges: Judges, pictures: Tensor, drawings: Sequence[Drawing], masks: Tensor) -> dict[str, float]:
    """How far pictures [N, 3, H, W] show what the drawings do.

    glasses, hat: share seen of those drawn. mouth, hair: share read as drawn, of three ways each. jewellery: share of
    pictures with some that is not drawn. areas: share of pixels whose large area (face, hair, hat, neck, cloth,
    background) is the drawn one.

    Args:
        masks: the drawings' classes uint8 [N, S, S] at the judges' resolution.
    """
    pictures = judges.fit(pictures.float().clamp(-1, 1))
    read = judges.read(pictures)
    seen = {name: read[name].argmax(1) == 1 for name in WORN}
    values = {"glasses": _share(seen["glasses"], [("glasses" in d.worn) for d in drawings]),
              "hat": _share(seen["hat"], [("hat" in d.worn) for d in drawings]),
              "mouth": _as_drawn(read["expression"], "expression", MOUTHS, [d.mouth for d in drawings]),
              "hair": _as_drawn(read["hair_style"], "hair_style", HAIR, [d.hair_style for d in drawings])}
    extra = [any(bool(seen[name][row]) and name not in drawing.worn for name in JEWELLERY)
             for row, drawing in enumerate(drawings)]
    agree = _large(judges.segmenter(pictures).argmax(1)) == _large(masks.long())
    return {**values, "jewellery": sum(extra) / len(extra), "areas": agree.float().mean().item()}


def _share(seen: Tensor, drawn: list[bool]) -> float:
    chosen = seen[torch.tensor(drawn)]
    return chosen.float().mean().item() if len(chosen) else float("nan")


def _as_drawn(logits: Tensor, name: str, ways: Sequence[str], wanted: list[str]) -> float:
    """Share of rows whose likeliest of `ways` is the wanted one."""
    places = [ATTRIBUTES[name].index(way) for way in ways]
    likeliest = logits[:, places].argmax(1)
    return (likeliest == torch.tensor([ways.index(way) for way in wanted])).float().mean().item()


def _large(classes: Tensor) -> Tensor:
    """Class numbers with all parts of the face as skin and the necklace as neck."""
    table = torch.tensor([_LARGE.get(name, CLASS_NAMES.index("skin")) for name in CLASS_NAMES])
    return table[classes]
