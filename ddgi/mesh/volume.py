"""The density of a tri-plane head on a lattice, queried in chunks."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from ..errors import InputError
from ..gan.eg3d.planes import PLANE_AXES

if TYPE_CHECKING:
    from ..gan.eg3d import EG3DGenerator

Progress = Callable[[int, int], None]

VOXEL_LEVEL = 0.6       # the default threshold of ComfyUI's "Voxel to Mesh"
BYTES_PER_CHANNEL = 12  # of the temporaries of one point, for each channel that exists at some time
CPU_CHUNK_MIB = 16      # beyond its caches a CPU is half as fast (measured from 2 to 512 MiB)


def points_per_chunk(generator: "EG3DGenerator", memory_mib: float) -> int:
    """How many points fit into the memory setting.

    Raises:
        InputError: the setting is not positive.
    """
    if not memory_mib > 0:
        raise InputError(f"A memory limit of {memory_mib} MiB was given; it must be above 0.")
    if generator.w_avg.device.type == "cpu":
        memory_mib = min(memory_mib, CPU_CHUNK_MIB)
    channels = 2 * generator.config.feature_channels + generator.config.decoder_width
    return max(1, int(memory_mib * 2**20 / (channels * BYTES_PER_CHANNEL)))


def _plane_maps(generator: "EG3DGenerator", planes: torch.Tensor, centres: torch.Tensor) -> list[torch.Tensor]:
    """The planes read at the lattice, for rows of points along x.

    On a lattice each plane needs its R^2 points only, which is what makes R^3 points cheap. Axes are 0, 1, 2 for
    x, y, z; each map is [C, R, R] with the lower axis last, so that a row of x is either a line or one value of it.
    """
    rendering = generator.config.rendering
    scaled = centres * (2 / rendering.box_warp)
    maps = []
    for plane, (column, row) in zip(planes[0].float(), PLANE_AXES[rendering.plane_axes]):
        grid = torch.stack(torch.meshgrid(scaled, scaled, indexing="xy"), -1)[None]
        values = F.grid_sample(plane[None], grid, padding_mode="zeros", align_corners=False)[0]
        maps.append(values if column < row else values.transpose(1, 2))
    return maps


def _rows_of_density(generator: "EG3DGenerator", maps: list[torch.Tensor], z: torch.Tensor,
                     y: torch.Tensor) -> torch.Tensor:
    """Density [rows, R] (after its softplus) along x at lattice indices z and y [rows]."""
    total = 0
    for values, axes in zip(maps, PLANE_AXES[generator.config.rendering.plane_axes]):
        upper = z if max(axes) == 2 else y
        total = total + (values[:, upper] if min(axes) == 0 else values[:, upper, y, None])      # [C, rows, R or 1]
    raw = generator.module.decoder.density(total.flatten(1)[None] * (1 / 3))
    return F.softplus(raw[0].view(len(z), -1) - 1)


@torch.no_grad()
def density_grid(generator: "EG3DGenerator", planes: torch.Tensor, resolution: int, *, crop_back: float = 0.0,
                 crop_bottom: float = 0.0, memory_mib: float = 512, progress: Progress | None = None) -> torch.Tensor:
    """Density of one head at the centres of resolution^3 cells that fill its box.

    Args:
        planes: [1, 3, C, P, P] from `generator.planes`.
        resolution: cells per side, 16 to 1024. The grid itself takes 4 * resolution^3 bytes of main memory, the
            planes read at it 12 * C * resolution^2 bytes on the device; both come on top of `memory_mib`.
        crop_back, crop_bottom: share of the box, 0 to 0.9, that is left empty behind and below the head.
        memory_mib: bounds the temporaries of the queries; smaller is only slower.
        progress: called with (done, total) after each chunk; it may raise to stop.

    Returns:
        [resolution] * 3 on the CPU, axes z, y, x (x to the viewer's right, y up, z towards the viewer).

    Raises:
        InputError: a setting out of its range.
    """
    _check(resolution, crop_back, crop_bottom)
    box, device = generator.config.rendering.box_warp, planes.device
    centres = ((torch.arange(resolution, device=device) + 0.5) / resolution - 0.5) * box
    first_z, first_y = round(crop_back * resolution), round(crop_bottom * resolution)
    rows = torch.cartesian_prod(torch.arange(first_z, resolution), torch.arange(first_y, resolution))
    grid = torch.zeros(resolution, resolution, resolution)
    chunks = rows.split(max(1, points_per_chunk(generator, memory_mib) // resolution))
    maps = _plane_maps(generator, planes, centres)
    for done, chunk in enumerate(chunks, 1):
        z, y = chunk.unbind(1)
        grid[z, y] = _rows_of_density(generator, maps, z.to(device), y.to(device)).float().cpu()
        if progress is not None:
            progress(done, len(chunks))
    return grid


def occupancy(density: torch.Tensor, threshold: float) -> torch.Tensor:
    """Density (0 upwards) to 0..1, rising, with `threshold` at 0.6 and emptiness near 0.

    Density itself has a knee that bends linear interpolation between cells by up to half a cell where it climbs
    from 0 to hundreds. What the network gives before the softplus has none, so the softplus is undone; a wide
    sigmoid then brings the range to 0..1, which is what ComfyUI's voxel nodes expect.

    Raises:
        InputError: the threshold is not positive.
    """
    if not 0 < threshold < math.inf:
        raise InputError(f"A density threshold of {threshold} was given; it must be above 0, 10 is usual.")
    middle = _undo_softplus(density.new_tensor(threshold))
    offset = math.log(VOXEL_LEVEL / (1 - VOXEL_LEVEL))
    return _undo_softplus(density).sub_(middle).div_(2 * threshold).add_(offset).sigmoid_()


def _undo_softplus(density: torch.Tensor) -> torch.Tensor:
    density = density.clamp_min(1e-30)
    return torch.expm1(-density).neg_().log_().add_(density)


def _check(resolution: int, crop_back: float, crop_bottom: float) -> None:
    if not 16 <= resolution <= 1024:
        raise InputError(f"A volume resolution of {resolution} was given; use 16 to 1024, 128 is usual.")
    for name, share in (("crop_back", crop_back), ("crop_bottom", crop_bottom)):
        if not 0 <= share <= 0.9:
            raise InputError(f"{name} is {share}; it is a share of the box from 0 (nothing) to 0.9.")
