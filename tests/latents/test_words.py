"""Word directions: the mean difference, cleaned of what varies anyway."""

import pytest
import torch

from ddgi.errors import InputError
from ddgi.latents import word_direction


def prompts(generator, count=64, seed=0):
    """Faces of two prompts. The words move number 0 of layer 1; number 1 of layer 0 varies anyway, and by chance the
    two sets differ in it twice as far."""
    rng = torch.Generator().manual_seed(seed)
    around = torch.randn(count, 10, 8, generator=rng) * 0.1
    around[:, 0, 1] *= 100
    plain, asked = around.clone(), around + 0.02 * torch.randn(around.shape, generator=rng)
    asked[:, 1, 0] += 1.0
    asked[:, 0, 1] += 2.0
    return generator.latent(asked), generator.latent(plain)


def test_without_cleaning_it_is_the_mean_difference(generator):
    asked, plain = prompts(generator)
    found = word_direction(asked, plain, "hat", clean=0.0)
    torch.testing.assert_close(found.offset, (asked.ws - plain.ws).mean(0))


def test_cleaning_takes_away_what_varies_anyway(generator):
    offset = word_direction(*prompts(generator), "hat").offset
    assert abs(offset[1, 0] - 1.0) < 0.1        # what was asked for, as far as the prompts differ in it
    assert abs(offset[0, 1]) < 0.1              # 2.0 in the mean difference


def test_it_equals_the_formula_written_out(generator):
    asked, plain = prompts(generator, count=12)
    a, b = asked.ws.double().flatten(1), plain.ws.double().flatten(1)
    around = torch.cat([a - a.mean(0), b - b.mean(0)])
    covariance = around.T @ around / (len(around) - 2)
    variance = covariance.trace() / 24          # of the axes that 24 faces span
    m = (a - b).mean(0)
    n = torch.linalg.solve(torch.eye(80).double() + 3.0 * covariance / variance, m)
    expected = n * (n @ m) / (n @ n)
    found = word_direction(asked, plain, "hat", clean=3.0).offset.double().flatten()
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


def test_what_cannot_be_told_apart_is_refused(generator):
    asked, plain = prompts(generator)
    with pytest.raises(InputError, match="both prompts alike"):
        word_direction(plain, plain, "nothing")
    with pytest.raises(InputError, match="as many faces"):
        word_direction(asked, generator.latent(plain.ws[:3]), "hat")
