"""Latents of a 3D generator to volumes and coloured meshes."""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from einops import rearrange

from ..errors import InputError
from .surface import largest_piece, surface_nets, vertex_normals
from .volume import VOXEL_LEVEL, Progress, density_grid, occupancy, points_per_chunk

if TYPE_CHECKING:
    from ..gan import Generator, VolumeGenerator

SKIN_SHARE = 0.04   # of the box: how far below the surface light still comes from
SKIN_SAMPLES = 8


@dataclasses.dataclass(frozen=True)
class HeadMesh:
    """A triangle mesh in the world of the cameras: y up, the face towards +z, the generator's own units.

    Attributes:
        vertices: [V, 3] fp32.
        faces: [T, 3] int64, counter-clockwise from outside.
        colours: [V, 3] in 0..1, display (sRGB) values as in pictures.
    """

    vertices: torch.Tensor
    faces: torch.Tensor
    colours: torch.Tensor


def head_voxels(generator: "Generator", ws: torch.Tensor, resolution: int = 128, threshold: float = 10.0, *,
                crop_back: float = 0.0, crop_bottom: float = 0.0, memory_mib: float = 512,
                progress: Progress | None = None) -> torch.Tensor:
    """Volumes [B, R, R, R] of 0..1, axes z, y, x; 0.6 is where the density equals `threshold`.

    Args:
        generator: a 3D generator.
        ws: [B, num_ws, w_dim].
        threshold: density after its softplus.
        others: as in `density_grid`.

    Raises:
        InputError: a 2D generator, a setting out of its range, or a head that stays below the threshold.
    """
    crops = {"crop_back": crop_back, "crop_bottom": crop_bottom}
    return torch.stack([volume for volume, _ in _volumes(generator, ws, resolution, threshold, crops, memory_mib,
                                                         progress)])


def head_meshes(generator: "Generator", ws: torch.Tensor, resolution: int = 128, threshold: float = 10.0, *,
                only_largest: bool = True, crop_back: float = 0.0, crop_bottom: float = 0.0, memory_mib: float = 512,
                progress: Progress | None = None) -> list[HeadMesh]:
    """One coloured mesh a latent, on the CPU.

    Args:
        only_largest: leave floating pieces and inner walls out.
        others: as in `head_voxels`.

    Raises:
        InputError: as in `head_voxels`.
    """
    crops = {"crop_back": crop_back, "crop_bottom": crop_bottom}
    meshes = []
    for volume, planes in _volumes(generator, ws, resolution, threshold, crops, memory_mib, progress):
        vertices, faces = surface_nets(volume, VOXEL_LEVEL)
        if only_largest:
            vertices, faces = largest_piece(vertices, faces)
        vertices = ((vertices + 0.5) / resolution - 0.5) * generator.box_warp
        colours = _colours(generator, planes, vertices, vertex_normals(vertices, faces), memory_mib)
        meshes.append(HeadMesh(vertices, faces, colours))
    return meshes


def linear_light(colours: torch.Tensor) -> torch.Tensor:
    """Display values in 0..1 to linear light, which glTF wants in COLOR_0 (IEC 61966-2-1)."""
    return torch.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)


def _volumes(generator: "Generator", ws: torch.Tensor, resolution: int, threshold: float, crops: dict[str, float],
             memory_mib: float, progress: Progress | None) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """(Occupancy [R, R, R] on the CPU, planes [1, 3, C, P, P]) of each head."""
    generator.need_3d("has no volume")
    for head in range(len(ws)):
        def tell(done: int, total: int, head: int = head) -> None:
            if progress is not None:
                progress(head * total + done, len(ws) * total)

        planes = generator.planes(ws[head:head + 1])
        density = density_grid(generator, planes, resolution, memory_mib=memory_mib, progress=tell, **crops)
        volume = occupancy(density, threshold)
        if not (volume > VOXEL_LEVEL).any():
            raise InputError(f"Head {head + 1} has no surface: its density reaches {density.max():.3g}, the threshold "
                             f"is {threshold:g}; lower the threshold (or crop less).")
        yield volume, planes


@torch.no_grad()
def _colours(generator: "VolumeGenerator", planes: torch.Tensor, vertices: torch.Tensor, normals: torch.Tensor,
             memory_mib: float) -> torch.Tensor:
    """Colours [V, 3] as a ray that falls straight onto each vertex would see them.

    The surface itself lies where the volume only begins: what pictures show comes from just below, so a short ray
    goes inward (the same sum as in volume rendering, alpha = 1 - exp(-density * length)).
    """
    length = SKIN_SHARE * generator.box_warp / SKIN_SAMPLES
    depths = torch.arange(SKIN_SAMPLES, device=planes.device) * length
    # A quarter of the points of a density query: colours keep more channels at the same time.
    size = max(1, points_per_chunk(generator, memory_mib) // (4 * SKIN_SAMPLES))
    parts = []
    for start, inward in zip(vertices.split(size), normals.neg().split(size)):
        points = start.to(planes)[:, None] + inward.to(planes)[:, None] * depths[:, None]        # [v, S, 3]
        density, colours = generator.query(planes, rearrange(points, "v s xyz -> 1 (v s) xyz"))
        passed = torch.exp(-rearrange(density, "1 (v s) -> v s", s=SKIN_SAMPLES).float() * length)
        weights = torch.cat([torch.ones_like(passed[:, :1]), passed[:, :-1].cumprod(1)], 1) * (1 - passed)
        weights = weights / weights.sum(1, keepdim=True).clamp_min(1e-12)
        colours = rearrange(colours, "1 rgb (v s) -> v s rgb", s=SKIN_SAMPLES).float()
        parts.append((colours * weights[..., None]).sum(1).cpu())
    return torch.cat(parts)
