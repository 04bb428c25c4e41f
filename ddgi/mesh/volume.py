"""The density of a tri-plane head on a lattice, queried in chunks."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from ..errors import InputError

if TYPE_CHECKING:
    from ..gan import VolumeGenerator

Progress = Callable[[int, int], None]

VOXEL_LEVEL = 0.6       # the default threshold of ComfyUI's "Voxel to Mesh"
CPU_CHUNK_MIB = 16      # beyond its caches a CPU is half as fast (measured from 2 to 512 MiB)


def points_per_chunk(generator: "VolumeGenerator", memory_mib: float) -> int:
    """How many points fit into the memory setting.

    Raises:
        InputError: the setting is not positive.
    """
    if not memory_mib > 0:
        raise InputError(f"A memory limit of {memory_mib} MiB was given; it must be above 0.")
    if generator.w_avg.device.type == "cpu":
        memory_mib = min(memory_mib, CPU_CHUNK_MIB)
    return max(1, int(memory_mib * 2**20 / generator.bytes_per_point))


@torch.no_grad()
def density_grid(generator: "VolumeGenerator", planes: torch.Tensor, resolution: int, *, crop_back: float = 0.0,
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
    device = planes.device
    centres = ((torch.arange(resolution, device=device) + 0.5) / resolution - 0.5) * generator.box_warp
    first_z, first_y = round(crop_back * resolution), round(crop_bottom * resolution)
    rows = torch.cartesian_prod(torch.arange(first_z, resolution), torch.arange(first_y, resolution))
    grid = torch.zeros(resolution, resolution, resolution)
    lattice = generator.lattice(planes, centres)
    chunks = rows.split(max(1, points_per_chunk(generator, memory_mib) // resolution))
    for done, chunk in enumerate(chunks, 1):
        z, y = chunk.unbind(1)
        grid[z, y] = lattice.rows(z.to(device), y.to(device)).float().cpu()
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
