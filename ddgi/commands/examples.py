"""`examples`: draw the example masks, scribbles and pictures in `demo/examples`, or the sheet of styles, again."""

import argparse
import json

from ..errors import InputError
from .report import say

HELP = "draw the examples of the demo again (masks, scribbles, pictures), or the sheet of drawn styles"
SIZE = 256
LINE = 4  # a scribble line in pixels: one pixel at the 64 px the demo ControlNet learnt from

# Head-world seeds that no training set uses. The prompts agree with what is drawn (style of hair, glasses,
# jewellery, beards, expression) and choose freely what a drawing cannot show: colours.
EXAMPLES = (
    ("mask", "mask_bun", 900017, "a smiling woman with a black bun and green eyes"),
    ("mask", "mask_bun", 900017, "a smiling woman with a grey bun and blue eyes"),
    ("mask", "mask_long_hair_glasses", 900020, "a calm woman with long blond hair, brown eyes and glasses"),
    ("mask", "mask_hat", 900009, "a happy woman with short red hair, blue eyes, a hat and earrings"),
    ("mask", "mask_curly", 900029, "a calm lady with curly grey hair and blue eyes"),
    ("mask", "mask_bald", 900028, "a sad bald man with brown eyes, a beard and earrings"),
    ("scribble", "scribble_long_hair", 900012, "an astonished woman with long red hair, green eyes and earrings"),
    ("scribble", "scribble_bun", 900014, "a calm man with a brown bun, blue eyes, a beard and a necklace"),
)
# Pictures to search in a generator, or to learn a style from.
PICTURES = (("picture_man", 900044, "studio"), ("picture_pencil", 900093, "pencil"))

STYLE_SEEDS = (111, 104, 100, 125)  # a hat and a smile, curls and glasses, a beard, grey hair


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", default="demo/examples", help="folder for the drawings (default: demo/examples)")
    parser.add_argument("--styles", metavar="FILE", help="write a sheet of four heads in every drawn style to a JPEG "
                        "or PNG file instead")


def run(args: argparse.Namespace) -> dict:
    from pathlib import Path

    if args.styles:
        return _write_styles(args, Path(args.styles))
    folder = Path(args.output)
    folder.mkdir(parents=True, exist_ok=True)
    drawings = {name: (kind, seed) for kind, name, seed, _ in EXAMPLES}
    for name, (kind, seed) in drawings.items():
        _draw(kind, seed).save(folder / f"{name}.png", optimize=True)
        say(args, str(folder / f"{name}.png"))
    for name, seed, style in PICTURES:
        _picture(seed, style).save(folder / f"{name}.png", optimize=True)
        say(args, str(folder / f"{name}.png"))
    listing = [{"kind": kind, "drawing": f"{name}.png", "prompt": prompt} for kind, name, _, prompt in EXAMPLES]
    (folder / "examples.json").write_text(json.dumps(listing, indent=2) + "\n", encoding="utf-8")
    return {"files": [f"{name}.png" for name in (*drawings, *(name for name, _, _ in PICTURES))]}


def _write_styles(args: argparse.Namespace, path) -> dict:
    from ..files import atomic_path
    from ..headworld import style_sheet

    formats = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
    if path.suffix.lower() not in formats:
        raise InputError(f"A sheet of styles cannot be written to {path.name}; give a name that ends in .jpg or .png.")
    sheet = style_sheet(STYLE_SEEDS)
    with atomic_path(path) as temporary:
        sheet.save(temporary, formats[path.suffix.lower()], quality=76, optimize=True)
    say(args, str(path))
    return {"files": [path.name]}


def _picture(seed: int, style: str):
    """PIL picture of one head, SIZE pixels square."""

    from ..headworld import render_batch
    from ..pictures import sheet

    return sheet([render_batch([seed], SIZE, style=style).image])


def _draw(kind: str, seed: int):
    """PIL picture of one example, SIZE pixels square."""
    import torch
    from PIL import Image
    from torch.nn import functional

    from ..facemask import mask_to_hint
    from ..headworld import render_batch
    from ..pictures import image_to_bytes

    batch = render_batch([seed], SIZE)
    if kind == "mask":
        pixels = mask_to_hint(batch.mask.to(torch.uint8))[0]
        return Image.fromarray(image_to_bytes(pixels).numpy()).quantize(32)
    if kind != "scribble":
        raise InputError(f"There is no example of kind {kind!r}; use mask or scribble.")
    # The lines are thickened to the coarse pencil of the training scribbles.
    lines = functional.interpolate(functional.max_pool2d(batch.scribble, LINE), scale_factor=LINE, mode="nearest")
    lines = functional.avg_pool2d(functional.pad(lines, (2, 2, 2, 2)), 5, 1)[0, 0] > 0.4
    return Image.fromarray((~lines).byte().numpy() * 255).convert("1")
