"""The signed distance field of a batch of heads: one distance per part."""

import torch
from torch import Tensor

from .shapes import CURVES, ELLIPSOIDS, FAR, HeadShape

PARTS = ("skin", "ear", "neck", "eye", "mouth", "upper lip", "lower lip", "brow", "beard", "hair", "hat",
         "glasses", "earring", "necklace", "cloth")
_E = {name: index for index, name in enumerate(ELLIPSOIDS)}
_C = {name: index for index, name in enumerate(CURVES)}
_HEAD = slice(_E["cranium"], _E["nose_wing"] + 1)
_HAIR = slice(_E["cap"], _E["bun"] + 1)
FRONT = 0.30                               # features are painted only in front of this z


def monomials(points: Tensor) -> Tensor:
    """[B, 3, N] points to the [B, 13, N] monomials of the quadric rows."""
    x, y, z = points.unbind(1)
    a = x.abs()
    return torch.stack([x * x, y * y, z * z, a * y, a * z, y * z, a, y, z, torch.ones_like(x), x, x * y, x * z], 1)


def smooth_union(distances: Tensor, k: float) -> Tensor:
    """-k log sum exp(-d / k) over dimension 1."""
    return distances.mul(-1 / k).logsumexp(1).mul_(-k)


def smooth_max(a: Tensor, b: Tensor, k: float) -> Tensor:
    """Polynomial smooth maximum (Quilez); equals max(a, b) where they differ by k or more."""
    return torch.maximum(a, b) + (k - (a - b).abs()).clamp_min_(0).square_().mul_(0.25 / k)


def smooth_min(a: Tensor, b: Tensor, k: float) -> Tensor:
    """Polynomial smooth minimum (Quilez)."""
    return torch.minimum(a, b) - (k - (a - b).abs()).clamp_min_(0).square_().mul_(0.25 / k)


class Field:
    """Evaluates a HeadShape at points."""

    def __init__(self, shape: HeadShape):
        self.shape = shape

    def quadrics(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Ellipsoid distances [B, E, N] and raw curve rows [B, C, N]."""
        values = torch.bmm(self.shape.rows, monomials(points))
        count = len(ELLIPSOIDS)
        return values[:, :count].clamp_min(1e-6).sqrt_().sub_(1).mul_(self.shape.scale), values[:, count:]

    def parts(self, points: Tensor) -> Tensor:
        """Distances [B, 15, N] to each of PARTS at points [B, 3, N] in head units."""
        e, c = self.quadrics(points)
        x, y, z = points.unbind(1)
        front = FRONT - z
        face = smooth_union(e[:, _HEAD], 0.05)
        eye_hole = torch.maximum(torch.maximum(c[:, _C["lid_up"]], c[:, _C["lid_low"]]), front)
        gap = torch.maximum(torch.maximum(c[:, _C["lip_up_in"]], c[:, _C["lip_low_in"]]), front)
        upper = torch.maximum(torch.maximum(c[:, _C["lip_up_out"]], -c[:, _C["lip_up_in"]]), front)
        lower = torch.maximum(torch.maximum(c[:, _C["lip_low_out"]], -c[:, _C["lip_low_in"]]), front)
        neck = smooth_min(e[:, _E["neck"]], e[:, _E["chest"]], 0.12)
        skin = smooth_max(smooth_max(smooth_min(face, neck, 0.06), -eye_hole, 0.02), -gap, 0.02)
        ear = smooth_max(e[:, _E["ear"]], -e[:, _E["ear_hollow"]], 0.05)
        lips = face - 0.028
        brow = self._brow(face, c, front)
        beard = smooth_max(smooth_max(smooth_min(e[:, _E["beard"]], face - 0.035, 0.05), c[:, _C["beard_top"]], 0.06),
                           -torch.maximum(c[:, _C["lip_up_out"]], c[:, _C["lip_low_out"]]) + 0.012, 0.04)
        parts = [skin, ear, neck + 0.004, torch.minimum(e[:, _E["eyeball"]], face + 0.09), face + 0.07,
                 smooth_max(lips, upper, 0.035), smooth_max(lips, lower, 0.045), brow,
                 torch.maximum(beard, 0.02 - z) + self.shape.scalars["no_beard"], self._hair(e, c, points),
                 *self._accessories(e, c, x, y, z), self._cloth(e)]
        return torch.stack(parts, 1)

    def distance(self, points: Tensor) -> Tensor:
        """Distance [B, N] to the nearest part."""
        return self.parts(points).amin(1)

    def _brow(self, face: Tensor, c: Tensor, front: Tensor) -> Tensor:
        s = self.shape.scalars
        half = s["brow_half"] * (1.15 - c[:, _C["brow_ends"]].add(1).clamp(0, 1))
        band = torch.maximum(c[:, _C["brow"]].abs() - half, torch.maximum(c[:, _C["brow_ends"]] * 0.1, front))
        return smooth_max(face - 0.035, band, 0.03)

    def _hair(self, e: Tensor, c: Tensor, points: Tensor) -> Tensor:
        s = self.shape.scalars
        x, y, z = points.unbind(1)
        mass = smooth_max(smooth_union(e[:, _HAIR], 0.05), -e[:, _E["face_opening"]], 0.06)
        ear_clear = s["ear_clear"]
        sideburn = -(((z + 0.02).square() + (y + 0.10).square()).sqrt() - ear_clear * 0.62)
        mass = smooth_max(mass, torch.minimum(sideburn, x.abs() - 0.5), 0.05)
        fringe = torch.minimum(e[:, _E["fringe_left"]], e[:, _E["fringe_right"]])
        hair = smooth_min(mass, fringe, 0.06)
        waves = (x * s["curl_x"]).sin_() * (y * s["curl_y"] + 0.6).sin_() * (z * s["curl_z"] + 0.4).sin_()
        hair = hair + waves * s["curl_depth"]
        hair = smooth_max(hair, c[:, _C["hat_plane"]] * s["hat"] - (1 - s["hat"]) * FAR, 0.03)
        return hair + s["bald"] * FAR

    def _accessories(self, e: Tensor, c: Tensor, x: Tensor, y: Tensor, z: Tensor) -> list[Tensor]:
        s = self.shape.scalars
        plane = c[:, _C["rim_plane"]]
        around = (c[:, _C["ring_hat"]].clamp_min(1e-6).sqrt() - 1) * s["ring"]
        rim = ((around / s["rim_wide"]).square() + (plane / s["rim_high"]).square()).sqrt().sub(1)
        hat = smooth_min(smooth_max(e[:, _E["hat_crown"]], -plane, 0.05),
                         rim * torch.minimum(s["rim_wide"], s["rim_high"]), 0.03)
        depth = c[:, _C["glasses_depth"]]
        ring = (c[:, _C["ring_glasses"]].clamp_min(1e-6).sqrt() - 1) * s["rim"]
        a, level = x.abs(), y - s["eye_y"] - 0.05
        hoop = (ring.square() + depth.square()).sqrt()
        bridge = torch.maximum((level.square() + depth.square()).sqrt(), a - (s["eye_x"] - s["rim"]) + s["frame"])
        arm_x = a - s["temple"] - 0.26 * (1 - (z / 0.62).clamp(-1, 1).square())
        arm = torch.maximum((level.square() + arm_x.square()).sqrt() + 0.006, torch.maximum(depth + s["frame"], -0.1 - z))
        glasses = torch.minimum(torch.minimum(hoop, bridge), arm) - s["frame"]
        loop = (c[:, _C["ring_necklace"]].clamp_min(1e-6).sqrt() - 1) * s["loop"]
        necklace = (loop.square() + c[:, _C["necklace_plane"]].square()).sqrt() - 0.042
        return [hat + (1 - s["hat"]) * FAR, glasses + (1 - s["glasses"]) * FAR, e[:, _E["earring"]],
                necklace + (1 - s["necklace"]) * FAR]

    @staticmethod
    def _cloth(e: Tensor) -> Tensor:
        return smooth_max(smooth_min(e[:, _E["cloth"]], e[:, _E["shoulder"]], 0.08), -e[:, _E["neckline"]], 0.03)
