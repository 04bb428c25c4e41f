"""A head of a face mask redrawn from the places of its parts: simple large shapes, ellipses and strokes."""

import math

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional as F

from .palette import CLASS_NAMES
from .pictures import fill_nearest, resize_classes

SMOOTHED_AT = 128  # pixels per side at which borders are rounded, at most: wide windows are slow on large masks
NUMBER = {name: index for index, name in enumerate(CLASS_NAMES)}
# What can be missing from a drawing, by the word for it.
GROUPS: dict[str, tuple[str, ...]] = {
    "eyes": ("left eye", "right eye"), "brows": ("left brow", "right brow"), "nose": ("nose",),
    "mouth": ("mouth", "upper lip", "lower lip"), "ears": ("left ear", "right ear"), "glasses": ("eyeglasses",),
    "hat": ("hat",), "earrings": ("earring",), "necklace": ("necklace",),
}
LARGE = ("background", "skin", "hair", "hat", "neck", "cloth")
HEAD = ("skin", "nose", "eyeglasses", "left eye", "right eye", "left brow", "right brow", "mouth", "upper lip",
         "lower lip")
# Small parts in the order of drawing, and how often each is forgotten.
MISSING = {"ears": 0.25, "nose": 0.15, "mouth": 0.05, "eyes": 0.05, "brows": 0.25, "glasses": 0.1, "earrings": 0.2,
           "necklace": 0.2}


class Sketch:
    """One head redrawn from the places of its parts.

    mask: exact classes uint8 [S, S].
    """

    def __init__(self, mask: np.ndarray, random: np.random.Generator, keep: set[str]):
        self.mask, self.random, self.keep, self.size = mask, random, keep, len(mask)

    def box(self, *names: str) -> tuple[float, float, float, float] | None:
        """x0, y0, x1, y1 around the classes, or None where there is next to nothing of them."""
        rows, columns = np.nonzero(np.isin(self.mask, [NUMBER[name] for name in names]))
        if len(rows) < max(3, self.size ** 2 // 8192):
            return None
        return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1

    def jitter(self, box: tuple[float, ...], share: float) -> tuple[float, float, float, float]:
        """A box moved and resized by up to `share` of its sides."""
        x0, y0, x1, y1 = box
        w, h = x1 - x0, y1 - y0
        a, b, c, d = self.random.uniform(-share, share, 4)
        return x0 + a * w, y0 + b * h, max(x1 + c * w, x0 + a * w + 1), max(y1 + d * h, y0 + b * h + 1)

    def smoothed(self, classes: Tensor) -> np.ndarray:
        """The large areas alone, their borders rounded."""
        classes = resize_classes(classes, min(len(classes), SMOOTHED_AT))
        small = ~torch.isin(classes.long(), torch.tensor([NUMBER[name] for name in LARGE]))
        inside = torch.isin(classes.long(), torch.tensor([NUMBER[name] for name in HEAD]))
        plain = classes.masked_fill(inside, NUMBER["skin"])
        plain = plain.masked_fill(classes == NUMBER["necklace"], NUMBER["neck"])
        plain = fill_nearest(plain, small & ~inside & (classes != NUMBER["necklace"]))
        numbers = torch.tensor([NUMBER[name] for name in LARGE])
        areas = (plain[None] == numbers[:, None, None]).float()[None]
        width = 2 * int(self.random.integers(1, 1 + max(2, len(classes) // 16))) + 1
        for _ in range(2):
            areas = F.avg_pool2d(F.pad(areas, (width // 2,) * 4, mode="replicate"), width, stride=1)
        areas = F.interpolate(areas, self.size, mode="bilinear")
        return numbers[areas[0].argmax(0)].to(torch.uint8).numpy()

    def shapes(self) -> np.ndarray:
        """The large areas as ellipses and polygons."""
        picture = Image.new("L", (self.size, self.size), 0)
        draw, random = ImageDraw.Draw(picture), self.random
        head, hair, neck, cloth = self.box(*HEAD), self.box("hair"), self.box("neck", "necklace"), self.box("cloth")
        if hair:
            x0, y0, x1, y1 = self.jitter(hair, 0.06)
            if random.random() < 0.5:
                draw.ellipse((x0, y0, x1, y1), fill=NUMBER["hair"])
            else:
                radius = random.uniform(0.25, 0.5) * min(x1 - x0, y1 - y0)
                draw.rounded_rectangle((x0, y0, x1, y1), radius, fill=NUMBER["hair"])
        if neck:
            x0, y0, x1, y1 = self.jitter(neck, 0.08)
            draw.rectangle((x0, y0 - 0.3 * (y1 - y0), x1, y1), fill=NUMBER["neck"])
        if cloth:
            x0, y0, x1, y1 = self.jitter(cloth, 0.05)
            inset = random.uniform(0, 0.3) * (x1 - x0)
            draw.polygon([(x0 + inset, y0), (x1 - inset, y0), (x1, self.size), (x0, self.size)], fill=NUMBER["cloth"])
        if head:
            draw.ellipse(self.jitter(head, 0.05), fill=NUMBER["skin"])
        self._hat(draw)
        return np.array(picture)

    def _hat(self, draw: ImageDraw.ImageDraw) -> None:
        box = self.box("hat")
        if box is None:
            return
        x0, y0, x1, y1 = self.jitter(box, 0.06)
        w, h, hat = x1 - x0, y1 - y0, NUMBER["hat"]
        inset = self.random.uniform(0, 0.25) * w
        if self.random.random() < 0.5:
            draw.ellipse((x0 + inset, y0, x1 - inset, y1 + 0.2 * h), fill=hat)
        else:
            draw.rounded_rectangle((x0 + inset, y0, x1 - inset, y1), 0.3 * h, fill=hat)
        if inset > 0.05 * w:
            draw.rectangle((x0, y1 - self.random.uniform(0.12, 0.3) * h, x1, y1), fill=hat)

    def small_parts(self, canvas: np.ndarray) -> np.ndarray:
        """Put ears, eyes, brows, nose, mouth, glasses and jewellery onto the large areas, or leave some out."""
        picture = Image.fromarray(canvas)
        draw = ImageDraw.Draw(picture)
        for name, missing in MISSING.items():
            if name in self.keep or self.random.random() >= missing:
                getattr(self, f"_{name}")(draw)
        return np.array(picture)

    def _ellipse(self, draw: ImageDraw.ImageDraw, name: str, low: float, high: float, share: float = 0.15) -> None:
        """A part as an ellipse between `low` and `high` times as large."""
        box = self.box(name)
        if box is None:
            return
        x0, y0, x1, y1 = self.jitter(box, share)
        scale = self.random.uniform(low, high) / 2
        x, y, w, h = (x0 + x1) / 2, (y0 + y1) / 2, max((x1 - x0) * scale, 1), max((y1 - y0) * scale, 1)
        if self.random.random() < 0.3:
            w = h = (w + h) / 2
        draw.ellipse((x - w, y - h, x + w, y + h), fill=NUMBER[name])

    def _eyes(self, draw: ImageDraw.ImageDraw) -> None:
        high = self.random.uniform(0.5, 1.15)
        for name in GROUPS["eyes"]:
            self._ellipse(draw, name, 0.9 * high, high)

    def _ears(self, draw: ImageDraw.ImageDraw) -> None:
        for name in GROUPS["ears"]:
            self._ellipse(draw, name, 0.7, 1.2)

    def _brows(self, draw: ImageDraw.ImageDraw) -> None:
        for name in GROUPS["brows"]:
            box = self.box(name)
            if box is None or self.random.random() < 0.1:
                continue
            x0, y0, x1, y1 = self.jitter(box, 0.15)
            half = (x0 + x1) / 2
            left = np.nonzero(self.mask[:, :int(half)] == NUMBER[name])[0]
            right = np.nonzero(self.mask[:, int(half):] == NUMBER[name])[0]
            start, end = (side.mean() if len(side) else (y0 + y1) / 2 for side in (left, right))
            width = max(2, round(self.size * self.random.uniform(0.012, 0.035)))
            draw.line([(x0, start), (half, (start + end) / 2 - self.random.uniform(0, 0.02) * self.size), (x1, end)],
                      fill=NUMBER[name], width=width)

    def _nose(self, draw: ImageDraw.ImageDraw) -> None:
        box = self.box("nose")
        if box is None:
            return
        x0, y0, x1, y1 = self.jitter(box, 0.2)
        kind, x = self.random.integers(3), (x0 + x1) / 2
        if kind == 0:
            draw.polygon([(x, y0), (x1, y1), (x0, y1)], fill=NUMBER["nose"])
        elif kind == 1:
            draw.line([(x, y0), (x, y1)], fill=NUMBER["nose"], width=max(2, round(0.025 * self.size)))
        else:
            draw.ellipse((x0, y0, x1, y1), fill=NUMBER["nose"])

    def mouth_curve(self) -> float:
        """How far the corners of the mouth lie below its middle, in parts of its width; negative for a smile, 0 where
        the middle is hidden."""
        rows, columns = np.nonzero(np.isin(self.mask, [NUMBER[name] for name in GROUPS["mouth"]]))
        x0, x1 = columns.min(), columns.max()
        place = (columns - x0) / max(x1 - x0, 1)
        corners, middle = (place < 0.15) | (place > 0.85), np.abs(place - 0.5) < 0.15
        if not middle.any():
            return 0.0
        return float(rows[corners].mean() - rows[middle].mean()) / max(x1 - x0, 1)

    def _mouth(self, draw: ImageDraw.ImageDraw) -> None:
        box = self.box(*GROUPS["mouth"])
        if box is None:
            return
        curve = self.mouth_curve() * self.random.uniform(0.8, 2.2)
        x0, y0, x1, y1 = self.jitter(box, 0.12)
        w, h, x, y = x1 - x0, y1 - y0, (x0 + x1) / 2, (y0 + y1) / 2
        inner = self.box("mouth")
        if inner and (inner[3] - inner[1]) > 0.55 * (inner[2] - inner[0]):  # round: surprise
            self._round_mouth(draw, x, y, w / 2, h / 2)
            return
        places = np.linspace(-1, 1, 13)
        thickness = max(2, round(self.size * self.random.uniform(0.012, 0.035)))

        def arc(offset: float) -> list[tuple[float, float]]:
            return [(x + w / 2 * p, y + offset + curve * w * (p * p - 0.4)) for p in places]

        if inner and self.random.random() < 0.7:
            gap = max(thickness, 0.45 * h)
            draw.polygon(arc(-gap / 2) + arc(gap / 2)[::-1], fill=NUMBER["mouth"])
        else:
            gap = thickness * self.random.uniform(0.5, 1.2)
        draw.line(arc(-gap / 2), fill=NUMBER["upper lip"], width=thickness)
        if self.random.random() < 0.9:
            draw.line(arc(gap / 2), fill=NUMBER["lower lip"], width=thickness)

    def _round_mouth(self, draw: ImageDraw.ImageDraw, x: float, y: float, w: float, h: float) -> None:
        draw.pieslice((x - w, y - h, x + w, y + h), 180, 360, fill=NUMBER["upper lip"])
        draw.pieslice((x - w, y - h, x + w, y + h), 0, 180, fill=NUMBER["lower lip"])
        share = self.random.uniform(0.4, 0.75)
        draw.ellipse((x - share * w, y - share * h, x + share * w, y + share * h), fill=NUMBER["mouth"])

    def _glasses(self, draw: ImageDraw.ImageDraw) -> None:
        box = self.box("eyeglasses")
        eyes = [self.box(name) for name in GROUPS["eyes"]]
        if box is None:
            return
        middle = (box[0] + box[2]) / 2
        height = box[3] - box[1]
        unseen = [(middle + side * height * 0.6, (box[1] + box[3]) / 2) for side in (-1, 1)]
        centers = [((eye[0] + eye[2]) / 2, (eye[1] + eye[3]) / 2) if eye else place
                   for eye, place in zip(eyes, unseen)]
        reach = abs(centers[1][0] - centers[0][0]) / 2
        radius = min(reach * self.random.uniform(0.7, 0.98), height * self.random.uniform(0.5, 0.7))
        width = max(2, round(self.size * self.random.uniform(0.014, 0.032)))
        square = self.random.random() < 0.3
        for x, y in centers:
            around = (x - radius, y - radius * 0.9, x + radius, y + radius * 0.9)
            (draw.rectangle if square else draw.ellipse)(around, outline=NUMBER["eyeglasses"], width=width)
        (xa, ya), (xb, yb) = sorted(centers)
        draw.line([(xa + radius, ya), (xb - radius, yb)], fill=NUMBER["eyeglasses"], width=width)

    def _earrings(self, draw: ImageDraw.ImageDraw) -> None:
        rows, columns = np.nonzero(self.mask == NUMBER["earring"])
        if not len(rows):
            return
        middle = self.size / 2
        for chosen in (columns < middle, columns >= middle):
            if chosen.any():
                x, y = columns[chosen].mean(), rows[chosen].mean()
                radius = self.size * self.random.uniform(0.012, 0.03)
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=NUMBER["earring"])

    def _necklace(self, draw: ImageDraw.ImageDraw) -> None:
        box = self.box("necklace")
        if box is None:
            return
        x0, y0, x1, y1 = self.jitter(box, 0.1)
        width = max(2, round(self.size * self.random.uniform(0.012, 0.03)))
        if self.random.random() < 0.5:
            draw.line([(x0, y0), ((x0 + x1) / 2, y1), (x1, y0)], fill=NUMBER["necklace"], width=width)
        else:
            angles = np.linspace(0, math.pi, 9)
            draw.line([((x0 + x1) / 2 - (x1 - x0) / 2 * math.cos(a), y0 + (y1 - y0) * math.sin(a)) for a in angles],
                      fill=NUMBER["necklace"], width=width)
