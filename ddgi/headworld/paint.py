"""Colours and classes of surface points."""

import torch
from torch import Tensor

from .parameters import HeadParameters
from .sdf import PARTS, C, E, Field

_HAIR = ((0.045, 0.04, 0.05), (0.30, 0.145, 0.065), (0.93, 0.70, 0.27), (0.72, 0.21, 0.06), (0.66, 0.67, 0.70),
         (0.22, 0.15, 0.11))
_IRIS = ((0.42, 0.18, 0.03), (0.10, 0.42, 0.92), (0.16, 0.62, 0.22))
_SKIN = ((0.40, 0.22, 0.14), (0.62, 0.37, 0.23), (0.90, 0.64, 0.48), (1.0, 0.80, 0.69))
# Class of each part; the left of a pair is added where x < 0.
_CLASSES = (1, 9, 17, 5, 10, 11, 12, 7, 1, 13, 14, 3, 15, 16, 18)
_PAIRED = ("ear", "eye", "brow")
_P = {name: index for index, name in enumerate(PARTS)}


def hue(turn: Tensor, saturation: Tensor | float, value: Tensor | float) -> Tensor:
    """HSV to RGB; turn [B] in 0..1, returns [B, 3]."""
    wheel = turn[:, None] * 6 + turn.new_tensor([0.0, 4.0, 2.0])
    chroma = (wheel.remainder(6) - 3).abs().sub(1).clamp(0, 1)
    saturation, value = (v[:, None] if isinstance(v, Tensor) else v for v in (saturation, value))
    return value * (1 - saturation * (1 - chroma))


def ramp(table: tuple, position: Tensor) -> Tensor:
    """Linear interpolation in a table of colours; position [B] in 0..1, returns [B, 3]."""
    colours = position.new_tensor(table)
    place = position.clamp(0, 1) * (len(table) - 1)
    low = place.long().clamp_max(len(table) - 2)
    return torch.lerp(colours[low], colours[low + 1], (place - low)[:, None])


class Palette:
    """The base colours [B, 3] (display values, 0..1) of one batch of heads."""

    def __init__(self, p: HeadParameters):
        f = p.factor
        self.skin = ramp(_SKIN, f("skin") * 0.5 + 0.5)
        shade = f("hair_shade")[:, None]
        self.hair = (self.skin.new_tensor(_HAIR)[p.choice("hair_colour")] * (1 + 0.14 * shade)).clamp(0, 1)
        self.iris = self.skin.new_tensor(_IRIS)[p.choice("eye_colour")]
        woman = p.has("gender", "woman")[:, None]
        lip = torch.lerp(self.skin * self.skin.new_tensor([0.90, 0.62, 0.60]),
                         self.skin.new_tensor([0.80, 0.13, 0.20]), 0.04 + 0.66 * woman)
        self.lip = lip
        self.cloth = hue(f("cloth_hue") * 0.5 + 0.5, 0.62 + 0.2 * f("cloth_tone"), 0.68 + 0.24 * f("cloth_tone"))
        self.trim = hue((f("cloth_hue") * 0.5 + 0.62).remainder(1), 0.25, 0.95)
        self.hat = hue(f("hat_hue") * 0.5 + 0.5, 0.72, 0.72)
        dark = self.skin.new_tensor([0.07, 0.07, 0.09])
        bright = hue(f("glasses_tone") * 0.5 + 0.5, 0.8, 0.62)
        self.frame = torch.where((f("glasses_tone") > 0.2)[:, None], bright, dark)
        self.gold = self.skin.new_tensor([0.98, 0.76, 0.25]).expand_as(self.skin)
        self.stripes = (f("stripes") > 0.35).float()
        self.blush = 0.28 + 0.22 * f("blush") + 0.35 * woman[:, 0]
        self.lashes = 0.016 + 0.042 * woman[:, 0]
        self.gaze = 0.10 * f("gaze")
        self.freckles = (f("blush") > 0.5).float()
        self.bald = p.has("hair_style", "bald")


def soft(edge: Tensor, width: float) -> Tensor:
    """0 below -width, 1 above width, smooth between."""
    x = (edge * (0.5 / width) + 0.5).clamp(0, 1)
    return x * x * (3 - 2 * x)


def mix(a: Tensor, b: Tensor, amount: Tensor) -> Tensor:
    """Blend [B, 3, N] colours; b may be [B, 3, 1]."""
    return torch.lerp(a, b.expand_as(a), amount[:, None])


def paint(field: Field, colours: Palette, points: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Albedo, shine, parts and classes of surface points [B, 3, N].

    Returns:
        albedo [B, 3, N] in display values, shine [B, N] in 0..1, distance [B, N], part [B, N] (places in
        `PARTS`), class uint8 [B, N].
    """
    e, c = field.quadrics(points)
    distance, part = field.stack_parts(field.part_list(points, e, c)).min(1)
    x, y, z = points.unbind(1)
    classes = torch.tensor(_CLASSES, device=points.device)[part]
    paired = torch.isin(part, torch.tensor([_P[name] for name in _PAIRED], device=points.device))
    classes = classes - (paired & (x < 0)).long()
    nose = torch.minimum(torch.minimum(e[:, E["nose_bridge"]] - 0.035, e[:, E["nose_tip"]]), e[:, E["nose_wing"]])
    is_nose = (part == _P["skin"]) & (nose < 0.03) & (z > 0.4)
    classes[is_nose] = 2
    neck = torch.minimum(e[:, E["neck"]], e[:, E["chest"]])
    classes[(part == _P["skin"]) & (neck < e[:, E["jaw"]] - 0.02) & (y < -0.45)] = 17
    tables = torch.stack([colours.skin] * 3 + [torch.ones_like(colours.skin), torch.zeros_like(colours.skin)]
                         + [colours.lip, colours.lip * 1.08] + [colours.hair * 0.75] * 2 + [colours.hair]
                         + [colours.hat, colours.frame, colours.gold, colours.gold, colours.cloth], 1)
    albedo = torch.gather(tables, 1, part[..., None].expand(-1, -1, 3)).transpose(1, 2)
    albedo = _paint_skin(albedo, part, c, points, colours)
    albedo = _paint_eyes(albedo, part, c, points, field, colours)
    albedo = _paint_mouth(albedo, part, c, points)
    albedo = _paint_fabric(albedo, part, points, field, colours)
    shine = points.new_tensor((0.16, 0.16, 0.12, 0.9, 0.3, 0.45, 0.5, 0.1, 0.08, 0.35, 0.05, 0.8, 0.9, 0.9, 0.05))[part]
    return albedo, shine, distance, part, classes.to(torch.uint8)


def _paint_skin(albedo: Tensor, part: Tensor, c: Tensor, points: Tensor, colours: Palette) -> Tensor:
    x, y, z = points.unbind(1)
    a = x.abs()
    skin = (part == _P["skin"]).float()
    rosy = albedo * points.new_tensor([1.0, 0.66, 0.64])[:, None]
    cheek = (-((a - 0.38).square() + (y + 0.20).square()) / 0.028).exp() * (z > 0.2) * skin * colours.blush[:, None]
    albedo = mix(albedo, rosy, cheek)
    nose = (-(x.square() + (y + 0.17).square() + (z - 0.85).square()) / 0.02).exp() * 0.45 * skin
    albedo = mix(albedo, rosy, nose)
    ear = (part == _P["ear"]).float() * 0.35
    albedo = mix(albedo, rosy, ear)
    speck = ((x * 61).sin() * (y * 67 + 2 * x).sin() > 0.72).float() * skin * colours.freckles[:, None]
    speck = speck * (-((a - 0.28).square() + (y + 0.12).square()) / 0.03).exp() * (z > 0.3)
    albedo = mix(albedo, albedo * points.new_tensor([0.78, 0.62, 0.5])[:, None], speck)
    up, low = c[:, C["lid_up"]], c[:, C["lid_low"]]
    lash = soft(colours.lashes[:, None] - up, 0.012) * (low < 0.02) * skin * (z > 0.3)
    return mix(albedo, albedo.new_tensor([0.05, 0.035, 0.035])[:, None], lash * 0.92)


def _paint_eyes(albedo: Tensor, part: Tensor, c: Tensor, points: Tensor, field: Field, colours: Palette) -> Tensor:
    s = field.shape.scalars
    x, y, _ = points.unbind(1)
    eye = part == _P["eye"]
    u = (x - x.sign() * (s["eye_x"] - 0.012)) / s["eye_size"] - colours.gaze[:, None]
    v = (y - s["eye_y"]) / s["eye_size"] - 0.02
    r = (u.square() + v.square()).sqrt()
    white = albedo.new_tensor([0.97, 0.97, 0.96])[:, None].expand_as(albedo)
    iris = colours.iris[..., None] * (0.95 - 0.75 * v.clamp(-0.6, 0.5))[:, None]
    iris = mix(iris, colours.iris[..., None] * 0.30, soft(r - 0.50, 0.06))
    eyes = mix(white, iris.clamp(0, 1), soft(0.585 - r, 0.03))
    eyes = mix(eyes, albedo.new_tensor([0.015, 0.015, 0.02])[:, None], soft(0.285 - r, 0.03))
    shadow = soft(c[:, C["lid_up"]] + 0.05, 0.06) * 0.5
    eyes = eyes * (1 - shadow)[:, None]
    glint = torch.maximum(soft(0.13 - ((u + 0.20).square() + (v - 0.24).square()).sqrt(), 0.03),
                          soft(0.07 - ((u - 0.20).square() + (v + 0.24).square()).sqrt(), 0.03) * 0.6)
    eyes = mix(eyes, torch.ones_like(albedo[:, :, :1]), glint)
    return torch.where(eye[:, None], eyes, albedo)


def _paint_mouth(albedo: Tensor, part: Tensor, c: Tensor, points: Tensor) -> Tensor:
    mouth = part == _P["mouth"]
    up = c[:, C["lip_up_in"]]
    low = c[:, C["lip_low_in"]]
    dark = albedo.new_tensor([0.22, 0.03, 0.05])[:, None].expand_as(albedo)
    inside = mix(dark, albedo.new_tensor([0.86, 0.34, 0.36])[:, None], soft(low + 0.055, 0.02))
    inside = mix(inside, albedo.new_tensor([0.98, 0.97, 0.93])[:, None], soft(up + 0.062, 0.008))
    return torch.where(mouth[:, None], inside, albedo)


def _paint_fabric(albedo: Tensor, part: Tensor, points: Tensor, field: Field, colours: Palette) -> Tensor:
    x, y, z = points.unbind(1)
    cloth = (part == _P["cloth"]).float() * colours.stripes[:, None]
    bands = soft((y * 26).sin() - 0.1, 0.25)
    albedo = mix(albedo, colours.trim[..., None], cloth * bands)
    s = field.shape.scalars
    strands = (x * s["curl_x"] * 1.9 + 3 * z + 2 * y).sin()
    hair = ((part == _P["hair"]) | (part == _P["beard"])).float()
    return albedo * (1 + 0.07 * strands * hair)[:, None]

