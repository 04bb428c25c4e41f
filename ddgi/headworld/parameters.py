"""From a latent z [B, 64] to everything that can be seen: attributes and continuous factors.

z is divided by its root mean square first, so only its direction counts. Every factor owns one
dimension, read through the normal CDF: attributes by thresholds, continuous factors as 2u - 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError

Z_DIM = 64

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "gender": ("woman", "man"),
    "hair_style": ("short", "long", "curly", "bun", "bald"),
    "hair_colour": ("black", "brown", "blond", "red", "grey", "none"),
    "eye_colour": ("brown", "blue", "green"),
    "expression": ("neutral", "smiling", "surprised", "sad"),
    "beard": ("no", "yes"),
    "glasses": ("no", "yes"),
    "hat": ("no", "yes"),
    "earrings": ("no", "yes"),
    "necklace": ("no", "yes"),
}

# Upper edges of the uniform variable for each value but the last.
_THRESHOLDS: dict[str, tuple[float, ...]] = {
    "gender": (0.5,),
    "hair_style": (0.24, 0.50, 0.72, 0.90),
    "hair_colour": (0.22, 0.44, 0.66, 0.84),
    "eye_colour": (0.36, 0.68),
    "expression": (0.28, 0.60, 0.80),
    "beard": (0.5,),
    "glasses": (0.68,),
    "hat": (0.72,),
    "earrings": (0.62,),
    "necklace": (0.68,),
}

FACTORS = (
    "skin", "yaw", "pitch", "light_side", "light_height", "light_warmth", "background_hue",
    "background_tone", "cloth_hue", "cloth_tone", "cloth_kind", "stripes", "hat_kind", "hat_hue",
    "glasses_shape", "glasses_tone", "face_width", "jaw", "chin", "cheek", "nose_length", "nose_width",
    "nose_tip", "eye_size", "eye_spacing", "eye_tilt", "brow_thickness", "brow_height", "lip_fullness",
    "mouth_width", "expression_strength", "ear_size", "hair_volume", "hair_length", "fringe_side",
    "fringe_length", "curl", "hair_shade", "beard_length", "gaze", "blush", "neck",
)
_FIRST_FACTOR = len(ATTRIBUTES)
ATTRIBUTE_NAMES = tuple(ATTRIBUTES)


@dataclass(frozen=True)
class HeadParameters:
    """What one head looks like.

    attributes: int64 [B, 10], value indices in the order of `ATTRIBUTES`, as they can be seen.
    factors: float [B, F] in (-1, 1), in the order of `FACTORS`.
    """

    attributes: Tensor
    factors: Tensor

    def rows(self, index: Tensor) -> "HeadParameters":
        """Some of the heads."""
        return HeadParameters(self.attributes[index], self.factors[index])

    def factor(self, name: str) -> Tensor:
        """One continuous factor [B] in (-1, 1)."""
        return self.factors[:, FACTORS.index(name)]

    def choice(self, name: str) -> Tensor:
        """Value index [B] of one attribute."""
        return self.attributes[:, ATTRIBUTE_NAMES.index(name)]

    def has(self, name: str, value: str = "yes") -> Tensor:
        """1.0 where the attribute has the value, else 0.0; [B]."""
        return (self.choice(name) == ATTRIBUTES[name].index(value)).to(self.factors.dtype)


def z_from_seed(seed: int) -> Tensor:
    """Standard normal [64] from a CPU generator, the same on every device."""
    return torch.randn(Z_DIM, generator=torch.Generator("cpu").manual_seed(int(seed)))


def stack_seeds(seeds: Sequence[int]) -> Tensor:
    """Latents [B, 64] of a list of seeds."""
    return torch.stack([z_from_seed(seed) for seed in seeds])


def parameters_from_z(z: Tensor) -> HeadParameters:
    """Read attributes and factors from z [B, 64]; only its direction counts.

    Raises:
        InputError: z is not [B, 64].
    """
    if z.ndim != 2 or z.shape[1] != Z_DIM:
        raise InputError(f"A head latent of shape {list(z.shape)} was given; it must be [B, {Z_DIM}].")
    z = z.float()
    z = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
    uniform = torch.special.ndtr(z)
    columns = {}
    for dimension, name in enumerate(ATTRIBUTES):
        edges = uniform.new_tensor(_THRESHOLDS[name])
        columns[name] = torch.bucketize(uniform[:, dimension].contiguous(), edges)
    _make_consistent(columns)
    factors = uniform[:, _FIRST_FACTOR:_FIRST_FACTOR + len(FACTORS)] * 2 - 1
    return HeadParameters(torch.stack([columns[name] for name in ATTRIBUTES], 1), factors)


def _make_consistent(columns: dict[str, Tensor]) -> None:
    """Keep only what can be seen: no beards on women, no bun or bare skull under a hat."""
    style, hat = columns["hair_style"], columns["hat"]
    style[(hat == 1) & (style >= ATTRIBUTES["hair_style"].index("bun"))] = 0
    bald = style == ATTRIBUTES["hair_style"].index("bald")
    columns["hair_colour"][bald] = ATTRIBUTES["hair_colour"].index("none")
    columns["beard"][columns["gender"] == 0] = 0
