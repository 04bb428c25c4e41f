"""The signed distance field of a batch of heads: one distance per part."""

import torch
from torch import Tensor

from .shapes import CURVES, ELLIPSOIDS, FAR, HOLLOWS, HeadShape

PARTS = ("skin", "ear", "neck", "eye", "mouth", "upper lip", "lower lip", "brow", "beard", "hair", "hat",
         "glasses", "earring", "necklace", "cloth")
# Row numbers by name, in the results of Field.quadrics.
E = {name: index for index, name in enumerate(ELLIPSOIDS)}
C = {name: index for index, name in enumerate(CURVES)}
_HEAD = slice(E["cranium"], E["nose_wing"] + 1)
_HAIR = slice(E["cap"], E["bun"] + 1)
_LIP_OUT = slice(C["lip_up_out"], C["lip_low_out"] + 1)
_LIP_IN = slice(C["lip_up_in"], C["lip_low_in"] + 1)
FRONT = 0.30                               # features are painted only in front of this z
MOUTH_TOP = -0.2                           # between the widest mouth and the lowest eye


def monomials(points: Tensor) -> Tensor:
    """[B, 3, N] points to the [B, 13, N] monomials of the quadric rows."""
    x, y, z = points.unbind(1)
    a = x.abs()
    return torch.stack([x * x, y * y, z * z, a * y, a * z, y * z, a, y, z, torch.ones_like(x), x, x * y, x * z], 1)


def smooth_union(distances: Tensor, k: float) -> Tensor:
    """-k log sum exp(-d / k) over dimension 1, at most 85 k (d stays above -1, so nothing overflows)."""
    return distances.mul(-1 / k).exp_().sum(1).clamp_min_(1e-37).log_().mul_(-k)


def smooth_max(a: Tensor, b: Tensor, k: float) -> Tensor:
    """Polynomial smooth maximum (Quilez); equals max(a, b) where they differ by k or more."""
    gap = (a - b).abs_().sub_(k).clamp_max_(0)
    return torch.maximum(a, b).addcmul_(gap, gap, value=0.25 / k)


def smooth_min(a: Tensor, b: Tensor, k: float) -> Tensor:
    """Polynomial smooth minimum (Quilez)."""
    gap = (a - b).abs_().sub_(k).clamp_max_(0)
    return torch.minimum(a, b).addcmul_(gap, gap, value=-0.25 / k)


class Field:
    """Evaluates a HeadShape at points."""

    def __init__(self, shape: HeadShape):
        self.shape = shape

    def quadrics(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Ellipsoid distances [B, E, N] and raw curve rows [B, C, N]."""
        values = torch.bmm(self.shape.rows, monomials(points))
        count = len(ELLIPSOIDS)
        ellipsoids = values[:, :count].clamp_min_(1e-8).sqrt_().sub_(self.shape.scale)
        ellipsoids[:, -HOLLOWS:].neg_()
        return ellipsoids, values[:, count:]

    def parts(self, points: Tensor) -> Tensor:
        """Distances [B, 15, N] to each of PARTS at points [B, 3, N] in head units."""
        return self.stack_parts(self.part_list(points, *self.quadrics(points)))

    @staticmethod
    def stack_parts(parts: list[Tensor | None]) -> Tensor:
        """[B, 15, N]; what no head wears is out of reach."""
        out_of_reach = torch.full_like(parts[0], FAR)
        return torch.stack([out_of_reach if part is None else part for part in parts], 1)

    def distance(self, points: Tensor) -> Tensor:
        """Distance [B, N] to the nearest part."""
        nearest, *others = self.part_list(points, *self.quadrics(points))
        for other in others:
            nearest = nearest if other is None else torch.minimum(nearest, other)
        return nearest

    def part_list(self, points: Tensor, e: Tensor, c: Tensor) -> list[Tensor | None]:
        """Distances [B, N] in the order of PARTS, from the quadrics at the points; None: nobody wears it."""
        x, y, z = points.unbind(1)
        front = FRONT - z
        face = smooth_union(e[:, _HEAD], 0.05)
        shell = torch.maximum(face, front)
        eye_hole = torch.maximum(c[:, C["lid_up"]], c[:, C["lid_low"]])
        gap = torch.maximum(c[:, C["lip_up_in"]], c[:, C["lip_low_in"]])
        mouth_area = torch.maximum(c[:, C["lip_up_out"]], c[:, C["lip_low_out"]])
        hole = torch.maximum(torch.minimum(eye_hole, torch.maximum(gap, mouth_area)), front)
        neck = smooth_min(e[:, E["neck"]], e[:, E["chest"]], 0.12)
        skin = smooth_max(smooth_min(face, neck, 0.06), hole.neg_(), 0.02)
        ear = smooth_max(e[:, E["ear"]], e[:, E["ear_hollow"]], 0.05)
        lip = torch.maximum(c[:, _LIP_OUT], -c[:, _LIP_IN])                               # [B, 2, N]
        lips = smooth_max((shell - 0.028)[:, None], lip, 0.04)
        inner_mouth = torch.maximum(face + 0.07, y - MOUTH_TOP)           # without it, seen beside the eyeballs too
        return [skin, ear, neck + 0.004, torch.minimum(e[:, E["eyeball"]], face + 0.09), inner_mouth,
                lips[:, 0], lips[:, 1], self._brow(shell, c), self._beard(face, mouth_area, e, c, z),
                self._hair(e, c, x, y, z), self._hat(e, c), self._glasses(c, x, y, z),
                e[:, E["earring"]] if "earrings" in self.shape.worn else None, self._necklace(c), self._cloth(e)]

    def _brow(self, shell: Tensor, c: Tensor) -> Tensor:
        ends = c[:, C["brow_ends"]]                                       # -1 in the middle, 0 at the ends
        half = ends.clamp(-1, 0).sub_(0.15).mul_(self.shape.scalars["brow_half"])
        band = torch.maximum(c[:, C["brow"]].abs().add_(half), ends * 0.1)
        return smooth_max(shell - 0.035, band, 0.03)

    def _hair(self, e: Tensor, c: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        s = self.shape.scalars
        mass = smooth_max(smooth_union(e[:, _HAIR], 0.05), e[:, E["face_opening"]], 0.06)
        mass = smooth_max(mass, torch.minimum(e[:, E["ear_room"]], x.abs() - 0.5), 0.05)
        fringe = torch.minimum(e[:, E["fringe_left"]], e[:, E["fringe_right"]])
        hair = smooth_min(mass, fringe, 0.06)
        waves = (x * s["curl_x"]).sin_() * (y * s["curl_y"]).add_(0.6).sin_() * (z * s["curl_z"]).add_(0.4).sin_()
        return smooth_max(waves.mul_(s["curl_depth"]).add_(hair), c[:, C["hair_limit"]], 0.03)

    def _beard(self, face: Tensor, mouth_area: Tensor, e: Tensor, c: Tensor, z: Tensor) -> Tensor | None:
        if "beard" not in self.shape.worn:
            return None
        beard = smooth_max(smooth_min(e[:, E["beard"]], face - 0.035, 0.05), c[:, C["beard_top"]], 0.06)
        return torch.maximum(smooth_max(beard, 0.012 - mouth_area, 0.04), 0.02 - z)

    def _hat(self, e: Tensor, c: Tensor) -> Tensor | None:
        if "hat" not in self.shape.worn:
            return None
        s = self.shape.scalars
        plane = c[:, C["rim_plane"]]
        rim = (_ring(c[:, C["ring_hat"]], s["ring"] / s["rim_wide"]).square_()
               + (plane / s["rim_high"]).square_()).sqrt_().sub_(1).mul_(torch.minimum(s["rim_wide"], s["rim_high"]))
        return smooth_min(smooth_max(e[:, E["hat_crown"]], -plane, 0.05), rim, 0.03)

    def _glasses(self, c: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Tensor | None:
        if "glasses" not in self.shape.worn:
            return None
        s = self.shape.scalars
        depth = c[:, C["glasses_depth"]]
        depth_squared = depth.square()
        level = (y - s["bridge_y"]).square_()
        hoop = _ring(c[:, C["ring_glasses"]], s["rim"]).square_().add_(depth_squared).sqrt_()
        bridge = torch.maximum((level + depth_squared).sqrt_(), x.abs() - s["bridge_x"])
        arm = (level + c[:, C["arm"]].square()).sqrt_()
        arm = torch.maximum(arm, torch.maximum(depth, -0.1 - z))
        return torch.minimum(torch.minimum(hoop, bridge), arm).sub_(s["frame"])

    def _necklace(self, c: Tensor) -> Tensor | None:
        if "necklace" not in self.shape.worn:
            return None
        loop = _ring(c[:, C["ring_necklace"]], self.shape.scalars["loop"])
        return loop.square_().add_(c[:, C["necklace_plane"]].square()).sqrt_().sub_(0.042)

    @staticmethod
    def _cloth(e: Tensor) -> Tensor:
        return smooth_max(smooth_min(e[:, E["cloth"]], e[:, E["shoulder"]], 0.08), e[:, E["neckline"]], 0.03)


def _ring(quadric: Tensor, radius: Tensor) -> Tensor:
    """Distance from an elliptic cylinder of a mean radius."""
    return quadric.clamp_min(1e-6).sqrt_().sub_(1).mul_(radius)
