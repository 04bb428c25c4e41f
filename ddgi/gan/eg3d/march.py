"""Mid-point ray marching: densities along rays to weights, colours and depth (Max 1995; Chan et al. 2022)."""

import torch
import torch.nn.functional as F

THICKEST = 60.0     # exp(-60) = 1e-26 of the light: nothing


def interval_weights(raw_density: torch.Tensor, depths: torch.Tensor) -> torch.Tensor:
    """How much of a ray's light comes from each interval.

    Args:
        raw_density: [B, R, S] before its softplus. depths: [B, R, S], rising.

    Returns:
        [B, R, S - 1]: alpha_i * prod_{j<i} (1 - alpha_j), alpha = 1 - exp(-softplus(middle density - 1) * length).
    """
    length = depths[..., 1:] - depths[..., :-1]
    thickness = F.softplus((raw_density[..., :-1] + raw_density[..., 1:]) / 2 - 1) * length
    # The product is the exponential of a sum, which has a cheap gradient. The limit keeps what lies behind a solid
    # surface out of the denormal numbers, which make a CPU several times slower.
    before = F.pad(torch.cumsum(thickness, -1)[..., :-1], (1, 0)).clamp_max(THICKEST)
    return (1 - torch.exp(-thickness)) * torch.exp(-before)


def sample_weights(weights: torch.Tensor) -> torch.Tensor:
    """Interval weights [B, R, S - 1] to the weights [B, R, S] of the samples at their ends.

    An interval has the mean colour of its ends, so sum_i w_i (c_i + c_{i+1}) / 2 = sum_j c_j (w_{j-1} + w_j) / 2:
    colours need not be sorted nor averaged.
    """
    return (F.pad(weights, (1, 0)) + F.pad(weights, (0, 1))) / 2


def expected_depth(weights: torch.Tensor, depths: torch.Tensor, far: torch.Tensor) -> torch.Tensor:
    """Mean depth [B, R] of the intervals; `far` ([B, 1] or alike) for rays that met nothing."""
    middles = (depths[..., :-1] + depths[..., 1:]) / 2
    total = weights.sum(-1)
    # Not a division by zero even where its result is not used: its gradient would be NaN.
    depth = (weights * middles).sum(-1) / torch.where(total > 0, total, 1)
    return torch.where(total > 0, depth, far.expand_as(depth))
