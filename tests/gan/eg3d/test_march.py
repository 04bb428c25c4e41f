"""Ray marching against sums written out in double precision."""

import math

import pytest
import torch

from ddgi.gan.eg3d.march import expected_depth, interval_weights, sample_weights

RAW = (-3.0, 2.0, 11.0, 0.5)
DEPTHS = (2.2, 2.5, 2.7, 3.4)


def by_hand():
    """alpha_i * prod_{j<i} (1 - alpha_j), alpha = 1 - exp(-log(1 + exp(middle density - 1)) * length)."""
    weights, left = [], 1.0
    for a, b, near, far in zip(RAW, RAW[1:], DEPTHS, DEPTHS[1:]):
        alpha = 1 - math.exp(-math.log1p(math.exp((a + b) / 2 - 1)) * (far - near))
        weights.append(left * alpha)
        left *= 1 - alpha
    return weights


def marched():
    raw, depths = (torch.tensor(values, dtype=torch.float64).reshape(1, 1, -1) for values in (RAW, DEPTHS))
    return interval_weights(raw, depths), depths


def test_weights_of_the_intervals():
    assert marched()[0].flatten().tolist() == pytest.approx(by_hand(), rel=1e-12)


def test_weights_of_the_samples_share_each_interval_between_its_ends():
    a, b, c = by_hand()
    assert sample_weights(marched()[0]).flatten().tolist() == pytest.approx(
        [a / 2, (a + b) / 2, (b + c) / 2, c / 2], rel=1e-12)


def test_depth_is_the_mean_of_the_middles():
    weights, depths = marched()
    middles = [(near + far) / 2 for near, far in zip(DEPTHS, DEPTHS[1:])]
    expected = sum(w * m for w, m in zip(by_hand(), middles)) / sum(by_hand())
    assert expected_depth(weights, depths, torch.tensor(9.0)).item() == pytest.approx(expected, rel=1e-12)
