"""Between the filters some rows at a time: the same numbers."""

import pytest
import torch

from ddgi.gan.stylegan3 import filters


@pytest.mark.parametrize("up, up_taps, down, down_taps, padding", [
    (2, 12, 2, 12, (9, 8, 9, 8)), (4, 24, 2, 12, (-3, -4, -5, -6)), (2, 12, 1, None, (3, 4, 11, 10)),
    (1, None, 1, None, (2, 2, 0, -1)), (2, 12, 2, "radial", (5, 6, 5, 6))])
def test_strips_are_the_whole(up, up_taps, down, down_taps, padding, monkeypatch):
    rng = torch.Generator().manual_seed(0)
    x, bias = torch.randn(2, 3, 40, 36, generator=rng), torch.randn(3, generator=rng)
    first = None if up_taps is None else torch.rand(up_taps, generator=rng)
    last = torch.rand(*((12, 12) if down_taps == "radial" else (down_taps,)), generator=rng) if down_taps else None

    def filtered():
        calls.clear()
        with torch.no_grad():
            return filters.filtered_lrelu(x.clone(), bias, first, last, up, down, padding, clamp=2.0)

    calls, one = [], filters._between_filters
    monkeypatch.setattr(filters, "_between_filters", lambda part, **kwargs: calls.append(1) or one(part, **kwargs))
    whole = filtered()
    assert len(calls) == 1
    monkeypatch.setattr(filters, "STRIP_BYTES", 1)      # eight rows
    # Every pixel is the same sum in the same order.
    assert torch.equal(filtered(), whole) and len(calls) == -(-whole.shape[2] // 8) > 2
