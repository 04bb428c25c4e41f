"""What a style knows of the visible points: material, shape and light."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .parameters import HeadParameters
from .sdf import PARTS, Field


def unit(v: Tensor) -> Tensor:
    """Unit vectors along dimension 1 of [B, 3, N]."""
    return v * (v.square().sum(1, keepdim=True) + 1e-12).rsqrt()


class Lights:
    """A warm key, sky and ground fill and a rim, fixed to the world so that all views agree."""

    def __init__(self, p: HeadParameters):
        side, height = 0.9 * p.factor("light_side"), 0.55 + 0.3 * p.factor("light_height")
        self.key = F.normalize(torch.stack([side, height, torch.ones_like(side)], -1), dim=-1)[..., None]
        warm = p.factor("light_warmth")[:, None]
        self.key_colour = (side.new_tensor([1.0, 0.95, 0.88]) + warm * side.new_tensor([0.06, 0.0, -0.09]))[..., None]
        self.sky = (side.new_tensor([0.62, 0.70, 0.82]) - warm * side.new_tensor([0.05, 0.0, -0.05]))[..., None]
        self.ground = side.new_tensor([0.46, 0.38, 0.34])[:, None]


@dataclass(frozen=True)
class Surface:
    """Visible points of a batch of heads, in head units, and what lights them.

    points, view, normal: [B, 3, N]; view points away from the camera, normal out of the head; both are unit vectors.
    albedo: [B, 3, N] display values, about 0..1.
    shine: [B, N] in 0..1.
    part: [B, N] places in `PARTS`.
    shadow, open_sky: [B, N] in 0..1, how much of the key light and of the sky nearby surfaces leave.
    lights: one row per head.
    """

    points: Tensor
    view: Tensor
    normal: Tensor
    albedo: Tensor
    shine: Tensor
    part: Tensor
    shadow: Tensor
    open_sky: Tensor
    lights: Lights

    def on(self, *parts: str) -> Tensor:
        """Which points belong to any of some `PARTS`; bool [B, N]."""
        return torch.isin(self.part, torch.tensor([PARTS.index(name) for name in parts], device=self.part.device))

    def diffuse(self, normal: Tensor | None = None) -> Tensor:
        """Key light on a matt surface [B, N], about 0..1, a little around the corner; normal: another one to light."""
        normal = self.normal if normal is None else normal
        return (((normal * self.lights.key).sum(1) + 0.25) / 1.25).clamp_min(0) * (0.35 + 0.65 * self.shadow)

    def facing(self) -> Tensor:
        """1 where the surface faces the camera, 0 at a silhouette; [B, N]."""
        return -(self.normal * self.view).sum(1)

    def gloss(self, power: float, normal: Tensor | None = None) -> Tensor:
        """Mirror image of the key light [B, N] in 0..1; a larger power makes it smaller."""
        normal = self.normal if normal is None else normal
        half = unit(self.lights.key - self.view)
        return (normal * half).sum(1).clamp_min(0).pow(power)


def measure_light(field: Field, lights: Lights, points: Tensor, normal: Tensor) -> tuple[Tensor, Tensor]:
    """`shadow` and `open_sky` of points, from distances a little along the key light and the normal."""
    shadow = (field.distance(points + 0.06 * normal + 0.16 * lights.key) / 0.15).clamp(0, 1)
    open_sky = (field.distance(points + 0.12 * normal) / 0.12).clamp(0, 1) * 0.65 + 0.35
    return shadow, open_sky
