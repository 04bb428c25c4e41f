"""Density of a tri-plane head on a lattice of points."""

import torch
import torch.nn.functional as F
from einops import rearrange

from .network import EG3D
from .planes import PLANE_AXES


class Lattice:
    """The planes read at a lattice once, then rows of density along x.

    On a lattice each plane needs its R^2 points only, which is what makes R^3 points cheap. Axes are 0, 1, 2 for
    x, y, z; each map is [C, R, R] with the lower axis last, so that a row of x is either a line or one value of it.

    Args:
        network: the generator. planes: [1, 3, C, P, P]. centres: [R], world units, the same along each axis.
    """

    def __init__(self, network: EG3D, planes: torch.Tensor, centres: torch.Tensor):
        self.decoder, rendering = network.decoder, network.config.rendering
        self.axes = PLANE_AXES[rendering.plane_axes]
        scaled = centres * (2 / rendering.box_warp)
        grid = torch.stack(torch.meshgrid(scaled, scaled, indexing="xy"), -1)[None]
        self.maps = []
        for plane, (column, row) in zip(planes[0].float(), self.axes):
            values = F.grid_sample(plane[None], grid, padding_mode="zeros", align_corners=False)[0]
            self.maps.append(values if column < row else values.transpose(1, 2))

    def rows(self, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Density [rows, R] (after its softplus) along x at lattice indices z and y [rows]."""
        total = 0
        for values, axes in zip(self.maps, self.axes):
            upper = z if max(axes) == 2 else y
            # [C, rows, R], or [C, rows, 1] where the plane does not know x
            total = total + (values[:, upper] if min(axes) == 0 else values[:, upper, y, None])
        raw = self.decoder.density(rearrange(total, "c rows x -> 1 c (rows x)") * (1 / 3))
        return F.softplus(rearrange(raw, "1 (rows x) -> rows x", rows=len(z)) - 1)
