"""Where along a ray the volume is looked at: stratified first, then where density was found.

Depths are distances along unit rays, [B, R, S] for S samples on each of R rays.
"""

import torch
import torch.nn.functional as F
from einops import rearrange

from .config import RenderingConfig

PDF_FLOOR = 1e-5


def box_bounds(origins: torch.Tensor, directions: torch.Tensor, side: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Entry and exit depths [B, R] of rays [B, R, 3] through the cube of this side around 0; (-1, -2) on a miss."""
    inverse = 1 / directions
    first, second = (-side / 2 - origins) * inverse, (side / 2 - origins) * inverse
    near, far = torch.minimum(first, second).amax(-1), torch.maximum(first, second).amin(-1)
    missed = near > far
    return near.masked_fill(missed, -1), far.masked_fill(missed, -2)


def ray_bounds(origins: torch.Tensor, directions: torch.Tensor,
               config: RenderingConfig) -> tuple[torch.Tensor, torch.Tensor]:
    """Start and end [B, R] of every ray: the config's, or where it crosses the box.

    Rays that miss the box get the smallest and largest start of the view's other rays, as the reference does.
    """
    if config.ray_start is not None:
        shape = origins.shape[:2]
        return origins.new_full(shape, config.ray_start), origins.new_full(shape, config.ray_end)
    near, far = box_bounds(origins, directions, config.box_warp)
    for start, end in zip(near, far):
        hit = end > start
        if hit.any():
            lowest, highest = start[hit].min(), start[hit].max()
            start[~hit], end[~hit] = lowest, highest
    return near, far


def stratified(start: torch.Tensor, end: torch.Tensor, config: RenderingConfig,
               jitter: torch.Tensor | None = None) -> torch.Tensor:
    """Evenly spaced depths [B, R, S] from `start` to `end` [B, R], each moved on by `jitter` (0..1, None: 0) spacings.

    With disparity sampling they are even in 1 / depth.
    """
    count = config.depth_resolution
    share = torch.arange(count, dtype=torch.float32, device=start.device) / (count - 1)
    share = share.expand(*start.shape, count) if jitter is None else share + jitter / (count - 1)
    start, end = start[..., None], end[..., None]
    if config.disparity_space_sampling:
        return 1 / ((1 - share) / start + share / end)
    return start + share * (end - start)


def importance(depths: torch.Tensor, weights: torch.Tensor, count: int, u: torch.Tensor | None = None) -> torch.Tensor:
    """`count` further depths [B, R, count] where the weights [B, R, S - 1] of the first depths [B, R, S] are large."""
    smooth = F.max_pool1d(rearrange(weights, "b r s -> (b r) 1 s"), 2, stride=1, padding=1)
    smooth = rearrange(F.avg_pool1d(smooth, 2, stride=1), "(b r) 1 s -> b r s", b=len(weights)) + 0.01
    middles = (depths[..., :-1] + depths[..., 1:]) / 2
    return inverse_cdf(middles, smooth[..., 1:-1], count, u)


def inverse_cdf(bins: torch.Tensor, weights: torch.Tensor, count: int, u: torch.Tensor | None = None) -> torch.Tensor:
    """Samples [..., count] of a piecewise constant density (Mildenhall et al. 2020, section 5.2).

    Args:
        bins: [..., K + 1 or more] rising edges. weights: [..., K] mass of each bin.
        u: [..., count] uniforms; None: evenly spaced from 0 to 1.
    """
    weights = weights + PDF_FLOOR
    cdf = F.pad(torch.cumsum(weights / weights.sum(-1, keepdim=True), -1), (1, 0))      # [..., K + 1]
    if u is None:
        u = torch.linspace(0, 1, count, device=bins.device).expand(*bins.shape[:-1], count)
    upper = torch.searchsorted(cdf, u.contiguous(), right=True)
    below, above = (upper - 1).clamp_min(0), upper.clamp_max(weights.shape[-1])
    low, high = torch.gather(cdf, -1, below), torch.gather(cdf, -1, above)
    width = high - low
    width = torch.where(width < PDF_FLOOR, 1, width)
    left, right = torch.gather(bins, -1, below), torch.gather(bins, -1, above)
    return left + (u - low) / width * (right - left)
