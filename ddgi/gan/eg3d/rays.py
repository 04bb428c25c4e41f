"""Volume rendering: rays through a field to features, depth and coverage."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from einops import rearrange

from ...seeds import seeded
from .config import RenderingConfig
from .march import expected_depth, interval_weights, sample_weights
from .sampling import importance, ray_bounds, stratified

# Points [B, M, 3] to (raw density [B, M], colours [B, C, M]).
Field = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]

BYTES_PER_SAMPLE = 1100     # of all temporaries a sample point needs at once, measured with 32 channels and width 64
CACHE_MIB = 64              # of temporaries at once on a CPU: most stay in its caches, and little memory is fresh


@dataclass(frozen=True)
class Rays:
    """What rays saw.

    feature: [B, C, R] in [-1, 1]. depth: [B, R] along the unit ray. weight_total: [B, R], 1 where the ray is stopped.
    depths_coarse, weights_coarse, depths_fine: [B, R, S], [B, R, S - 1] and [B, R, F] (None: no importance samples).
    """

    feature: torch.Tensor
    depth: torch.Tensor
    weight_total: torch.Tensor
    depths_coarse: torch.Tensor
    weights_coarse: torch.Tensor
    depths_fine: torch.Tensor | None


def rays_per_chunk(config: RenderingConfig, memory_mib: float, device: torch.device) -> int:
    """How many rays of one head a pass may take for its temporaries to stay under `memory_mib`; at least 64."""
    if device.type == "cpu":
        memory_mib = min(memory_mib, CACHE_MIB)
    samples = config.depth_resolution + config.depth_resolution_importance
    return max(64, int(memory_mib * 2**20 / (BYTES_PER_SAMPLE * samples)))


def jitter(rays: int, config: RenderingConfig, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Uniforms of one view, [1, R, S] and [1, R, F], drawn on the CPU: the same on every device and for every chunk."""
    rng = seeded(seed)
    return (torch.rand(1, rays, config.depth_resolution, generator=rng),
            torch.rand(1, rays, config.depth_resolution_importance, generator=rng))


def march_rays(field: Field, origins: torch.Tensor, directions: torch.Tensor,
               bounds: tuple[torch.Tensor, torch.Tensor], config: RenderingConfig,
               u_coarse: torch.Tensor | None = None, u_fine: torch.Tensor | None = None,
               far: torch.Tensor | None = None) -> Rays:
    """Render rays [B, R, 3] between their bounds [B, R]; uniforms [B, R, S] and [B, R, F], None is deterministic.

    `far` ([B, 1]) is the depth of rays that meet nothing, None the furthest of the bounds.
    """
    start, end = bounds
    far = end.amax(-1, keepdim=True) if far is None else far
    coarse = stratified(start, end, config, u_coarse)
    density, colours = _look(field, origins, directions, coarse)
    weights = weights_coarse = interval_weights(density, coarse)
    depths, fine = coarse, None
    if config.depth_resolution_importance:
        with torch.no_grad():
            fine = importance(coarse, weights.detach(), config.depth_resolution_importance, u_fine)
        density_fine, colours_fine = _look(field, origins, directions, fine)
        depths, order = torch.cat([coarse, fine], -1).sort(-1)
        weights = interval_weights(torch.cat([density, density_fine], -1).gather(-1, order), depths)
        shares = torch.empty_like(depths).scatter(-1, order, sample_weights(weights))
        share, share_fine = shares.split([coarse.shape[-1], fine.shape[-1]], -1)
        feature = _gather_light(colours, share) + _gather_light(colours_fine, share_fine)
    else:
        feature = _gather_light(colours, sample_weights(weights))
    total = weights.sum(-1)
    if config.white_back:
        feature = feature + (1 - total[:, None])
    return Rays(feature * 2 - 1, expected_depth(weights, depths, far), total, coarse, weights_coarse, fine)


def render_rays(field: Field, origins: torch.Tensor, directions: torch.Tensor, config: RenderingConfig,
                noise: tuple[torch.Tensor, torch.Tensor] | None = None,
                chunk: int | None = None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Feature [B, C, R], depth [B, R] and weight_total [B, R] of a view's rays, `chunk` rays at a time."""
    bounds, count = ray_bounds(origins, directions, config), origins.shape[1]
    far = bounds[1].amax(-1, keepdim=True)      # of the whole view: it must not depend on a ray's chunk
    parts = []
    for first in range(0, count, chunk or count):
        part = slice(first, first + (chunk or count))
        u = (None, None) if noise is None else (v[:, part].to(origins) for v in noise)
        rays = march_rays(field, origins[:, part], directions[:, part], (bounds[0][:, part], bounds[1][:, part]),
                          config, *u, far=far)
        parts.append((rays.feature, rays.depth, rays.weight_total))
    features, depths, totals = zip(*parts)
    return torch.cat(features, 2), torch.cat(depths, 1), torch.cat(totals, 1)


def _look(field: Field, origins: torch.Tensor, directions: torch.Tensor,
          depths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Raw density [B, R, S] and colours [B, C, R, S] at depths [B, R, S] along rays [B, R, 3]."""
    points = torch.addcmul(origins[:, :, None], depths[..., None], directions[:, :, None])
    density, colours = field(rearrange(points, "b r s xyz -> b (r s) xyz"))
    samples = depths.shape[-1]
    return rearrange(density, "b (r s) -> b r s", s=samples), rearrange(colours, "b c (r s) -> b c r s", s=samples)


def _gather_light(colours: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """sum_s colours [B, C, R, S] * shares [B, R, S]."""
    return torch.einsum("bcrs,brs->bcr", colours, shares)
