"""Distances of two sets of pictures by their features, and likeness of pairs; networks stay outside."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from ..seeds import seeded

_WINDOW, _SIGMA = 11, 1.5                           # of SSIM
_SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # weights of MS-SSIM's scales, finest first
SMALLEST = (_WINDOW - 1) * 2 ** (len(_SCALES) - 1) + 1      # side of pictures that have that many scales


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """FID (Heusel et al. 2017) of features a [N, D] and b [M, D], in fp64.

    |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)) with unbiased covariances. For centred features X, Y the last trace
    is the sum of the singular values of X Y^T / sqrt((N - 1)(M - 1)), so no root of a matrix is drawn, which would be
    unstable for fewer pictures than features.

    Raises:
        InputError: fewer than two pictures in a set.
    """
    _check_sets(a, b)
    a, b = a.double(), b.double()
    mean = (a.mean(0) - b.mean(0)).square().sum()
    a, b = ((x - x.mean(0)) / (len(x) - 1) ** 0.5 for x in (a, b))
    both = torch.linalg.svdvals(_factor(a) @ _factor(b).T).sum()
    return max((mean + a.square().sum() + b.square().sum() - 2 * both).item(), 0.0)


def _factor(x: Tensor) -> Tensor:
    """R [min(N, D), D] with R^T R = x^T x."""
    return torch.linalg.qr(x, mode="r").R if len(x) > x.shape[1] else x


def kernel_distance(a: Tensor, b: Tensor, *, subsets: int = 100, size: int = 1000, seed: int = 0) -> float:
    """KID (Binkowski et al. 2018): unbiased MMD^2 of features a [N, D] and b [M, D] under (x.y / D + 1)^3.

    Args:
        subsets: random subsets it is averaged over. size: of each, or less where there are fewer pictures.

    Raises:
        InputError: fewer than two pictures in a set.
    """
    _check_sets(a, b)
    size, rng = min(size, len(a), len(b)), seeded(seed)
    a, b = a.double().cpu(), b.double().cpu()
    found = [_mmd(*(x[torch.randperm(len(x), generator=rng)[:size]] for x in (a, b))) for _ in range(subsets)]
    return torch.stack(found).mean().item()


def _mmd(x: Tensor, y: Tensor) -> Tensor:
    within = sum((kernel.sum() - kernel.diagonal().sum()) / (len(x) * (len(x) - 1)) for kernel in
                 (_polynomial(x, x), _polynomial(y, y)))
    return within - 2 * _polynomial(x, y).mean()


def _polynomial(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _check_sets(a: Tensor, b: Tensor) -> None:
    if min(len(a), len(b)) < 2:
        raise InputError(f"Sets of {len(a)} and {len(b)} pictures were to be compared; their spread needs at least 2 "
                         f"in each.")


def ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    """MS-SSIM [B] (Wang et al. 2003) of pictures [B, C, H, W] in -1..1, five scales, mean over channels; 1 is equal.

    Raises:
        InputError: a side below `SMALLEST`.
    """
    if min(a.shape[-2:]) < SMALLEST:
        raise InputError(f"MS-SSIM was asked of pictures of {min(a.shape[-2:])} px; five scales need {SMALLEST}.")
    a, b = ((x.float() + 1) / 2 for x in (a, b))
    total = a.new_ones(a.shape[:2])
    for scale, weight in enumerate(_SCALES):
        luminance, structure = _ssim_terms(a, b)
        last = scale == len(_SCALES) - 1
        value = (luminance * structure if last else structure).mean((2, 3))
        total = total * value.clamp(min=0) ** weight
        a, b = (F.avg_pool2d(x, 2, padding=[side % 2 for side in x.shape[-2:]]) for x in (a, b))
    return total.mean(1)


def _ssim_terms(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast with structure, of pictures in 0..1 (Wang et al. 2004, eqs. 6, 13), where the window
    lies inside."""
    c1, c2 = 0.01 ** 2, 0.03 ** 2
    mean_a, mean_b = _blurred(a), _blurred(b)
    variances = _blurred(a * a) - mean_a ** 2 + _blurred(b * b) - mean_b ** 2
    covariance = _blurred(a * b) - mean_a * mean_b
    return ((2 * mean_a * mean_b + c1) / (mean_a ** 2 + mean_b ** 2 + c1),
            (2 * covariance + c2) / (variances + c2))


def _blurred(x: Tensor) -> Tensor:
    place = torch.arange(_WINDOW, dtype=x.dtype, device=x.device) - _WINDOW // 2
    window = torch.exp(-place ** 2 / (2 * _SIGMA ** 2))
    window = (window / window.sum()).expand(x.shape[1], 1, 1, -1)
    return F.conv2d(F.conv2d(x, window, groups=x.shape[1]), window.transpose(2, 3), groups=x.shape[1])
