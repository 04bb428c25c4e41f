"""What pictures of one style share, without pairs and without a network: which patches occur where."""

import torch
from torch.nn import functional as F

from ..pictures import resize

KERNEL = 5              # side of a patch in pixels, at every size of the pyramid
PROJECTIONS = 32        # random directions in which patches are compared, at each size and call
POSITIONS = 8192        # patches of a picture that are compared at each size, at most
SMALLEST = 16           # side of the last halved copies
PLACE = 0.7             # how much the place of a patch counts beside its colours, so that eyes are compared with eyes


def texture_distance(pictures: torch.Tensor, style: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Sliced Wasserstein distance, one number, between the patches of two batches, with gradients for `pictures`.

    Patches of all sizes of a pyramid are projected on random directions and sorted: equal sorted lists in every
    direction mean equal distributions (Rabin et al. 2011; of patches: Elnekave and Weiss 2022). The place of a patch is
    a part of it, because faces are aligned.

    Args:
        pictures, style: [B, 3, T, T] in -1..1.
        rng: on the CPU; decides directions and patches, new ones at every step.
    """
    total = pictures.new_zeros([])
    while True:
        total = total + _level(pictures, style, rng)
        if pictures.shape[-1] < 2 * SMALLEST:
            return total
        pictures, style = F.avg_pool2d(pictures, 2), F.avg_pool2d(style, 2)


def _level(pictures: torch.Tensor, style: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    count = pictures.shape[-1] - KERNEL + 1
    kernels = torch.randn(PROJECTIONS, 3 * KERNEL ** 2, generator=rng)
    # Neighbouring pixels are alike, so that smooth kernels see colours and rough ones texture: half of each.
    kernels[::2] -= kernels[::2].unflatten(1, (3, -1)).mean(2, keepdim=True).expand(-1, -1, KERNEL ** 2).flatten(1)
    kernels = F.normalize(kernels, dim=1).unflatten(1, (3, KERNEL, KERNEL)).to(pictures)
    slopes = (torch.randn(PROJECTIONS, 2, generator=rng) * PLACE).to(pictures)
    line = torch.linspace(-1, 1, count, device=pictures.device)
    place = (slopes[:, :1, None] * line + slopes[:, 1:, None] * line[:, None]).flatten(1)
    chosen = torch.randperm(count ** 2, generator=rng)[:POSITIONS].to(pictures.device)
    lists = [(F.conv2d(x, kernels).flatten(2) + place)[..., chosen].movedim(1, 0).flatten(1).sort(1)[0]
             for x in (pictures, style)]
    return (lists[0] - lists[1]).abs().mean()


STRUCTURE_SIZE, STRUCTURE_POINTS = 32, 256


def structure_distance(pictures: torch.Tensor, others: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """How differently two batches of pictures are laid out [B], whatever their colours, with gradients for `pictures`.

    Distances between points of one picture, in parts of their mean, are compared with those between the same points
    of the other: self-similarity (Kolkin et al. 2019, content loss), here of 3 x 3 patches.

    Args:
        pictures, others: [B, 3, T, T] in -1..1. rng: on the CPU; decides the points.
    """
    chosen = torch.randperm(STRUCTURE_SIZE ** 2, generator=rng)[:STRUCTURE_POINTS].to(pictures.device)

    def relations(x: torch.Tensor) -> torch.Tensor:
        points = F.unfold(F.pad(resize(x, STRUCTURE_SIZE), (1, 1, 1, 1), mode="replicate"), 3).movedim(1, 2)[:, chosen]
        apart = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
        return apart / apart.mean((1, 2), keepdim=True).clamp_min(1e-6)

    return (relations(pictures) - relations(others)).abs().mean((1, 2))
