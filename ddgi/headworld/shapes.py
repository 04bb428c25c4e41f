"""Turn head parameters into the numbers of a signed distance field.

Lengths are in head units (`HEAD_UNIT` world units), x to the viewer's right at the front camera, y up,
z towards it. Almost every shape is a quadric: one row of 13 coefficients over the monomials of
`sdf.monomials`, so that one matrix product evaluates all of them at once. Rows in |x| are symmetric.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .parameters import HeadParameters

HEAD_UNIT = 0.237

# Monomials: x^2 y^2 z^2 |x|y |x|z yz |x| y z 1 x xy xz
_MONOMIALS = 13
FAR = 9.0

ELLIPSOIDS = (
    "cranium", "jaw", "chin", "cheek", "brow_ridge", "lid", "lip_bulge",                 # head
    "nose_bridge", "nose_tip", "nose_wing",                                              # nose
    "ear", "neck", "chest", "eyeball",
    "cap", "hair_back", "lock", "bun",                                                   # hair
    "fringe_left", "fringe_right",
    "beard", "hat_crown", "earring", "cloth", "shoulder",
    "ear_hollow", "face_opening", "ear_room", "neckline",                                # HOLLOWS
)
WORN = ("beard", "glasses", "hat", "earrings", "necklace")
# The last ellipsoids are cut out of other shapes: their distances are negative outside.
HOLLOWS = 4
CURVES = (
    "lid_up", "lid_low", "lip_up_out", "lip_low_out", "lip_up_in", "lip_low_in",
    "brow", "brow_ends", "beard_top", "hair_limit", "arm",
    "rim_plane", "ring_hat", "ring_glasses", "glasses_depth",
    "ring_necklace", "necklace_plane",
)


@dataclass
class HeadShape:
    """Coefficients of a batch of heads.

    rows: [B, K, 13] quadric coefficients, ellipsoids first, then curves. An ellipsoid's quadric is
        scale^2 on its surface.
    scale: [B, E, 1] lengths; sqrt(quadric) - scale is about the distance near the surface.
    scalars: name to [B, 1] sizes that are no quadric.
    worn: which of beard, glasses, hat, earrings and necklace any head of the batch has.
    """

    rows: Tensor
    scale: Tensor
    scalars: dict[str, Tensor]
    worn: frozenset[str]


class _Builder:
    """Collects rows by name; scalars given for a length are spread over the batch."""

    def __init__(self, like: Tensor):
        self.like = like
        self.rows: dict[str, Tensor] = {}
        self.scale: dict[str, Tensor] = {}

    def spread(self, value: Tensor | float) -> Tensor:
        return value if isinstance(value, Tensor) else torch.full_like(self.like, value)

    def ellipsoid(self, name: str, center, radii, tilt=0.0, roll=0.0, mirrored: bool = True, present=1.0) -> None:
        """tilt turns about x (top backwards), roll about z (top outwards); radians. present: 0 puts it out of reach."""
        center = torch.stack([self.spread(v) for v in center], -1)                       # [B, 3]
        radii = torch.stack([self.spread(v) for v in radii], -1)
        tilt, roll = self.spread(tilt), self.spread(roll)
        zero, one = torch.zeros_like(tilt), torch.ones_like(tilt)
        about_x = torch.stack([one, zero, zero, zero, tilt.cos(), tilt.sin(),
                               zero, -tilt.sin(), tilt.cos()], -1).reshape(-1, 3, 3)
        about_z = torch.stack([roll.cos(), roll.sin(), zero, -roll.sin(), roll.cos(), zero,
                               zero, zero, one], -1).reshape(-1, 3, 3)
        turn = about_z @ about_x
        matrix = turn @ torch.diag_embed(radii.pow(-2)) @ turn.transpose(1, 2)
        linear = -2 * (matrix @ center[..., None])[..., 0]
        constant = -(linear * center).sum(-1) / 2 + (1 - self.spread(present)) * 1e3
        first = (2 * matrix[:, 0, 1], 2 * matrix[:, 0, 2], linear[:, 0])
        pair = (*first, zero, zero, zero) if mirrored else (zero, zero, zero, *first)
        self.rows[name] = torch.stack([
            matrix[:, 0, 0], matrix[:, 1, 1], matrix[:, 2, 2], pair[0], pair[1], 2 * matrix[:, 1, 2],
            pair[2], linear[:, 1], linear[:, 2], constant, pair[5], pair[3], pair[4]], -1)
        ordered = radii.sort(-1).values
        self.scale[name] = 0.65 * ordered[:, 0] + 0.35 * ordered[:, 1]

    def curve(self, name: str, **terms) -> None:
        """A row from named monomials: xx yy zz ay az yz a y z one (a is |x|)."""
        order = ("xx", "yy", "zz", "ay", "az", "yz", "a", "y", "z", "one")
        row = torch.zeros(*self.like.shape, _MONOMIALS, dtype=self.like.dtype, device=self.like.device)
        for term, value in terms.items():
            row[:, order.index(term)] = value
        self.rows[name] = row

    def arch(self, name: str, sign: float, level, height, middle, width, tilt=0.0, bend=0.0) -> None:
        """sign * (y - level - tilt (a - middle) - bend xx) - height (1 - ((a - middle) / width)^2)."""
        k = height / width ** 2
        self.curve(name, y=sign, a=-sign * tilt - 2 * k * middle, xx=k - sign * bend,
                   one=sign * (tilt * middle - level) - height + k * middle ** 2)


def build_shape(parameters: HeadParameters) -> HeadShape:
    """All quadrics and sizes of a batch of heads."""
    p = parameters
    build = _Builder(p.factor("skin"))
    scalars: dict[str, Tensor] = {}
    _face(build, p)
    _eyes(build, p, scalars)
    _mouth(build, p)
    _hair(build, p, scalars)
    _body(build, p)
    _accessories(build, p, scalars)
    rows = torch.stack([build.rows[name] for name in ELLIPSOIDS + CURVES], 1)
    scale = torch.stack([build.scale[name] for name in ELLIPSOIDS], 1)[..., None]
    rows[:, :len(ELLIPSOIDS)] *= scale.square()
    worn = frozenset(name for name in WORN if bool(p.has(name).any()))
    return HeadShape(rows, scale, {name: value[:, None] for name, value in scalars.items()}, worn)


def _face(build: _Builder, p: HeadParameters) -> None:
    man = p.has("gender", "man")
    width = 1 + 0.06 * p.factor("face_width")
    jaw = 0.52 + 0.10 * man + 0.05 * p.factor("jaw")
    chin = 0.66 + 0.06 * p.factor("chin") + 0.03 * man
    cheek = p.factor("cheek")
    smile = p.has("expression", "smiling")
    length = p.factor("nose_length")
    nose = 1 + 0.22 * p.factor("nose_width") + 0.18 * man
    build.ellipsoid("cranium", (0, 0.24, -0.12), (0.74 * width, 0.74, 0.80))
    build.ellipsoid("jaw", (0, -0.25, 0.12), (jaw * width, 0.56, 0.56))
    build.ellipsoid("chin", (0, -chin, 0.40), (0.20 + 0.08 * man, 0.13, 0.17))
    build.ellipsoid("cheek", (0.34 * width, -0.22 + 0.03 * smile, 0.42),
                    (0.22 + 0.03 * cheek, 0.19, 0.18 + 0.03 * cheek + 0.03 * smile))
    build.ellipsoid("brow_ridge", (0.26, 0.30, 0.48), (0.26, 0.10, 0.14 + 0.02 * man))
    build.ellipsoid("lip_bulge", (0, -0.47, 0.52), (0.24, 0.15, 0.15))
    build.ellipsoid("nose_bridge", (0, 0.0, 0.63), (0.075 * nose, 0.24, 0.12), tilt=-0.30)
    build.ellipsoid("nose_tip", (0, -0.16 - 0.04 * length, 0.76 + 0.03 * length),
                    (0.105 * nose, 0.095, 0.12), tilt=-0.3 * p.factor("nose_tip"))
    build.ellipsoid("nose_wing", (0.095 * nose, -0.19 - 0.04 * length, 0.68), (0.06 * nose, 0.06, 0.085))
    ear = 1 + 0.22 * p.factor("ear_size")
    build.ellipsoid("ear", (0.76 * width, 0.0, -0.10), (0.085, 0.20 * ear, 0.13 * ear), tilt=0.15, roll=0.25)
    build.ellipsoid("ear_hollow", (0.86 * width, 0.02, -0.04), (0.07, 0.13 * ear, 0.075 * ear), tilt=0.15, roll=0.25)


def _eyes(build: _Builder, p: HeadParameters, scalars: dict[str, Tensor]) -> None:
    surprised, sad, smile = (p.has("expression", v) for v in ("surprised", "sad", "smiling"))
    woman, man = p.has("gender", "woman"), p.has("gender", "man")
    size = 0.185 + 0.018 * p.factor("eye_size") + 0.01 * woman + 0.012 * surprised
    x = 0.285 + 0.02 * p.factor("eye_spacing")
    y = build.spread(0.06)
    tilt = 0.10 * p.factor("eye_tilt") + 0.04 - 0.18 * sad
    z = build.spread(0.50)
    build.ellipsoid("eyeball", (x, y, z), (size * 0.98, size, size * 0.86))
    build.ellipsoid("lid", (x, y, z), (size * 1.2, size * 1.14, size * 0.97))
    upper = size * (0.80 + 0.22 * surprised - 0.10 * sad - 0.06 * smile)
    lower = size * (0.66 + 0.20 * surprised - 0.14 * smile)
    build.arch("lid_up", 1.0, y, upper, x, size * 1.02, tilt)
    build.arch("lid_low", -1.0, y, lower, x, size * 1.02, tilt)
    lift = 0.33 + 0.03 * p.factor("brow_height") + 0.08 * surprised
    slope = -0.10 + 0.05 * p.factor("eye_tilt") - 0.38 * sad + 0.08 * man
    half = 0.20 + 0.01 * man
    build.arch("brow", 1.0, y + lift - 0.02 * sad, 0.06 + 0.04 * surprised, x + 0.01, half, slope)
    build.curve("brow_ends", xx=half.pow(-2), a=-2 * (x + 0.01) / half ** 2, one=((x + 0.01) / half) ** 2 - 1)
    scalars.update(eye_x=x, eye_y=y, eye_z=z, eye_size=size,
                   brow_half=0.032 + 0.010 * p.factor("brow_thickness") + 0.024 * man)


def _mouth(build: _Builder, p: HeadParameters) -> None:
    surprised, sad, smile = (p.has("expression", v) for v in ("surprised", "sad", "smiling"))
    woman = p.has("gender", "woman")
    strength = 1 + 0.25 * p.factor("expression_strength")
    full = 0.95 + 0.2 * p.factor("lip_fullness") + 0.35 * woman
    wide = 0.22 + 0.02 * p.factor("mouth_width") + 0.08 * smile - 0.07 * surprised
    bend = (1.25 * smile - 2.2 * sad) * strength
    level = -0.47 - 0.05 * smile - 0.02 * surprised + 0.04 * sad
    open_up = 0.002 + 0.02 * smile + 0.09 * surprised * strength
    open_low = 0.002 + 0.115 * smile * strength + 0.10 * surprised * strength
    upper, lower = 0.048 * full, 0.064 * full * (1 - 0.25 * smile)
    zero = torch.zeros_like(wide)
    build.arch("lip_up_out", 1.0, level, open_up + upper, zero, wide, bend=bend)
    build.arch("lip_up_in", 1.0, level, open_up, zero, wide * 0.97, bend=bend)
    build.arch("lip_low_in", -1.0, level, open_low, zero, wide * 0.97, bend=bend)
    build.arch("lip_low_out", -1.0, level, open_low + lower, zero, wide, bend=bend)
    # The moustache and beard stay clear of the lips but follow the smile.
    build.curve("beard_top", y=1.0, xx=-1.1, a=0.15, one=0.34 + (1 - p.has("beard")) * FAR)


def _hair(build: _Builder, p: HeadParameters, scalars: dict[str, Tensor]) -> None:
    short, long, curly, bun, bald = (p.has("hair_style", v) for v in ("short", "long", "curly", "bun", "bald"))
    hat, tucked = p.has("hat"), p.has("earrings")
    volume, length = p.factor("hair_volume"), p.factor("hair_length")
    puff = 0.06 + 0.025 * volume + 0.17 * curly * (1 - 0.55 * hat) + 0.02 * long - 0.02 * bun
    hairy = 1 - bald
    build.ellipsoid("cap", (0, 0.27 + 0.05 * curly, -0.15 - 0.04 * curly),
                    (0.76 + puff, 0.76 + puff, 0.80 + puff), present=hairy)
    reach = 0.55 + 0.22 * length

    build.ellipsoid("hair_back", (0, -0.15 - reach * long * 0.75, -0.42 - 0.02 * long),
                    (0.62 + 0.22 * long + 0.18 * curly, 0.35 + reach * long + 0.15 * curly,
                     0.32 + 0.12 * curly + 0.08 * long), present=hairy)
    build.ellipsoid("lock", (0.76 + 0.02 * volume, -0.20 - 0.55 * reach, 0.02 - 0.34 * tucked),
                    (0.17, 0.35 + reach * 0.75, 0.26 - 0.04 * tucked), roll=0.10, present=long)
    build.ellipsoid("bun", (0, 1.02 + 0.04 * volume, -0.24), (0.30, 0.26, 0.30), present=bun)
    side = p.factor("fringe_side").sign()
    fringe = (0.5 + 0.5 * p.factor("fringe_length")) * (1 - curly) * (1 - bun)
    big, small = 0.34 + 0.07 * fringe, 0.22 + 0.05 * fringe
    build.ellipsoid("fringe_left", (-0.26 * side, 0.64 - 0.05 * fringe, 0.42),
                    (big, 0.16 + 0.05 * fringe, 0.26), tilt=-0.5, roll=-0.55 * side, mirrored=False, present=hairy)
    build.ellipsoid("fringe_right", (0.36 * side, 0.66, 0.36),
                    (small, 0.14 + 0.02 * fringe, 0.24), tilt=-0.5, roll=0.75 * side, mirrored=False, present=hairy)
    open_width = 0.655 - 0.02 * volume * long - 0.03 * curly
    build.ellipsoid("face_opening", (0, -0.30, 0.66), (open_width, 0.86, 0.74 - 0.05 * curly))
    fine = 1 - curly
    amount = 0.55 + 0.45 * p.factor("curl")
    room = 0.03 + 0.28 * (1 - long) * (1 - curly) + 0.28 * tucked * long
    build.ellipsoid("ear_room", (0, -0.10, -0.02), (8.0, room, room))
    scalars.update(curl_depth=(0.055 * curly + (0.006 + 0.006 * amount) * fine) * (1 - bald),
                   curl_x=(10.5 + 1.5 * p.factor("curl")) * curly + 15.0 * fine,
                   curl_y=10.0 * curly + (1.2 + 2.5 * amount * long) * fine,
                   curl_z=10.5 * curly + 11.0 * fine)


def _body(build: _Builder, p: HeadParameters) -> None:
    man = p.has("gender", "man")
    neck = 0.29 + 0.10 * man + 0.02 * p.factor("neck")
    turtle, vee = (p.factor("cloth_kind") > 0.45).float(), (p.factor("cloth_kind") < -0.2).float()
    wide = 1.05 + 0.12 * man
    build.ellipsoid("neck", (0, -0.95, -0.16), (neck, 0.80, neck), tilt=0.12)
    build.ellipsoid("chest", (0, -1.72, -0.16), (wide * 0.93, 0.55, 0.50))
    build.ellipsoid("cloth", (0, -1.72, -0.16), (wide, 0.60, 0.56))
    collar = neck + 0.05
    build.ellipsoid("shoulder", (0, -1.10 - 0.16 * (1 - turtle), -0.15),
                    (collar + 0.04, 0.16 + 0.05 * turtle, collar + 0.04))
    build.ellipsoid("neckline", (0, -1.02, 0.16),
                    (0.36 - 0.02 * turtle, (0.20 + 0.26 * vee) * (1 - turtle) + 1e-3, 0.60 * (1 - turtle) + 1e-3))


def _accessories(build: _Builder, p: HeadParameters, scalars: dict[str, Tensor]) -> None:
    beard, hat, glasses = p.has("beard"), p.has("hat"), p.has("glasses")
    grown = p.factor("beard_length")
    build.ellipsoid("beard", (0, -0.50 - 0.05 * grown, 0.20), (0.57, 0.40 + 0.08 * grown, 0.50), present=beard)
    brim = (p.factor("hat_kind") > 0).float()                 # 1: brimmed hat, 0: beanie
    curly = p.has("hair_style", "curly")
    wide = 0.86 + 0.06 * curly
    build.ellipsoid("hat_crown", (0, 0.42, -0.14), (wide, 0.78 - 0.03 * brim, wide + 0.05), present=hat)
    level = 0.53 - 0.03 * brim
    slope = 0.14
    build.curve("hair_limit", y=hat, z=-slope * hat, one=-level * hat - (1 - hat) * FAR)
    build.curve("rim_plane", y=1.0, z=-slope, one=-level + (1 - hat) * FAR)
    ring = wide * 0.99 + 0.17 * brim
    build.curve("ring_hat", xx=ring.pow(-2), zz=(ring + 0.05).pow(-2), z=0.28 * (ring + 0.05).pow(-2),
                one=0.0196 * (ring + 0.05).pow(-2))
    scalars.update(ring=ring, rim_wide=0.07 + 0.17 * brim, rim_high=0.12 - 0.075 * brim)
    x, y = scalars["eye_x"], scalars["eye_y"]
    square = p.factor("glasses_shape")
    a, b = 0.235 + 0.015 * square, 0.215 - 0.025 * square
    build.curve("ring_glasses", xx=a.pow(-2), a=-2 * x / a ** 2, yy=b.pow(-2), y=-2 * (y - 0.01) / b ** 2,
                one=(x / a) ** 2 + ((y - 0.01) / b) ** 2)
    build.curve("glasses_depth", z=1.0, xx=0.30, one=-0.76 + (1 - glasses) * FAR)
    build.curve("arm", a=1.0, zz=0.68, one=-(x + a) - 0.26)
    frame = 0.026 + 0.008 * p.factor("glasses_tone").abs()
    scalars.update(rim=a, frame=frame, bridge_x=x - a + frame, bridge_y=y + 0.05)
    wear = p.has("earrings")
    build.ellipsoid("earring", (0.84, -0.31, -0.06), (0.08, 0.11, 0.08), present=wear)
    loop = 0.46 + 0.04 * p.has("gender", "man")
    build.curve("ring_necklace", xx=loop.pow(-2), zz=(loop + 0.06).pow(-2), z=0.2 * (loop + 0.06).pow(-2),
                one=0.01 * (loop + 0.06).pow(-2))
    build.curve("necklace_plane", y=1.0, z=0.42, one=1.10 + (1 - p.has("necklace")) * FAR)
    scalars.update(loop=loop)
