"""The distance that needs no network."""

import pytest
import torch

from ddgi.perceptual import pyramid_distance


def test_it_is_the_sum_over_halved_copies_of_colours_and_edges():
    a, b = torch.randn(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    expected = torch.zeros(2)
    for size in (32, 16, 8):
        x, y = (p.reshape(2, 3, size, 32 // size, size, 32 // size).mean((3, 5)) for p in (a, b))
        expected += (x - y).abs().mean((1, 2, 3))
        for axis in (2, 3):
            edges = [p.diff(dim=axis).narrow(5 - axis, 0, size - 1) for p in (x, y)]
            expected += (edges[0] - edges[1]).abs().mean((1, 2, 3))
    torch.testing.assert_close(pyramid_distance(a, b), expected, atol=1e-5, rtol=1e-5)


def test_the_same_picture_is_at_distance_0_and_a_shift_is_seen():
    a = torch.zeros(1, 3, 32, 32)
    a[..., 8:16, 8:16] = 1
    assert pyramid_distance(a, a).item() == 0.0
    near, far = (pyramid_distance(a, a.roll(step, 3)).item() for step in (1, 8))
    assert 0 < near < far


@pytest.mark.parametrize("size", [4, 8, 16, 512])
def test_any_size_is_compared(size):
    a = torch.zeros(1, 3, size, size)
    assert pyramid_distance(a, a + 1).item() == pytest.approx({4: 1, 8: 1, 16: 2, 512: 7}[size])
