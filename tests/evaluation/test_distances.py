"""FID, KID and MS-SSIM against torchmetrics, torch-fidelity's network and pytorch-msssim, on the same inputs."""

import pytest
import torch
from pytorch_msssim import ms_ssim as reference_ms_ssim
from torchmetrics.image.fid import _compute_fid
from torchmetrics.image.kid import poly_mmd

from ddgi.errors import InputError
from ddgi.evaluation.distances import SMALLEST, frechet_distance, kernel_distance, ms_ssim


def features(count, width, seed):
    rng = torch.Generator().manual_seed(seed)
    mixed = torch.randn(width, width, generator=rng, dtype=torch.float64)
    return torch.randn(count, width, generator=rng, dtype=torch.float64) @ mixed / width ** 0.5 + seed / 10


@pytest.mark.parametrize("count, other", [(300, 200), (90, 150)])
def test_the_frechet_distance_is_torchmetrics(count, other):
    a, b = features(count, 48, 1), features(other, 48, 2)
    expected = _compute_fid(a.mean(0), a.T.cov(), b.mean(0), b.T.cov()).item()
    assert frechet_distance(a, b) == pytest.approx(expected, abs=1e-4)
    assert expected > 1


def test_fewer_pictures_than_features_are_no_trouble():
    """The exact value is known where b is a moved: means alone differ."""
    a = features(20, 64, 1)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a + 0.5) == pytest.approx(64 * 0.25, abs=1e-9)


def test_the_kernel_distance_is_torchmetrics():
    a, b = features(80, 32, 1), features(60, 32, 2)
    torch.manual_seed(5)
    expected = [poly_mmd(a[torch.randperm(80)[:40]], b[torch.randperm(60)[:40]]) for _ in range(7)]
    found = kernel_distance(a, b, subsets=7, size=40, seed=5)
    assert found == pytest.approx(torch.stack(expected).mean().item(), abs=1e-4)
    assert found > 0.01


def test_one_picture_has_no_spread():
    for distance in (frechet_distance, kernel_distance):
        with pytest.raises(InputError, match="1 and 5 pictures .* at least 2"):
            distance(features(1, 4, 1), features(5, 4, 2))


@pytest.mark.parametrize("height, width", [(SMALLEST, SMALLEST), (192, 177)])
def test_ms_ssim_is_the_references(height, width):
    rng = torch.Generator().manual_seed(3)
    a = torch.rand(3, 3, height, width, generator=rng) * 2 - 1
    b = (a + torch.randn(a.shape, generator=rng) * torch.tensor([0.0, 0.1, 0.6])[:, None, None, None]).clamp(-1, 1)
    expected = reference_ms_ssim((a + 1) / 2, (b + 1) / 2, data_range=1.0, size_average=False)
    assert (ms_ssim(a, b) - expected).abs().max() < 1e-4
    assert expected[0] == 1 and expected[2] < 0.95


def test_small_pictures_have_no_five_scales():
    with pytest.raises(InputError, match="160 px; five scales need 161"):
        ms_ssim(torch.zeros(1, 3, 160, 200), torch.zeros(1, 3, 160, 200))
