import pytest
import torch

from ddgi.errors import InputError
from ddgi.headworld import ATTRIBUTES, Z_DIM, parameters_from_z, stack_seeds, z_from_seed


def test_seed_fixes_the_latent():
    assert z_from_seed(5).shape == (Z_DIM,)
    assert torch.equal(z_from_seed(5), z_from_seed(5))
    assert not torch.equal(z_from_seed(5), z_from_seed(6))


def test_only_the_direction_of_z_counts():
    z = stack_seeds(range(50))
    one, two = parameters_from_z(z), parameters_from_z(z * 3)
    assert torch.equal(one.attributes, two.attributes)
    torch.testing.assert_close(one.factors, two.factors, atol=1e-4, rtol=0)     # 1e-8 under the root


def test_every_value_is_common_enough_to_learn():
    attributes = parameters_from_z(stack_seeds(range(1500))).attributes
    for column, (name, values) in enumerate(ATTRIBUTES.items()):
        share = torch.bincount(attributes[:, column], minlength=len(values)) / len(attributes)
        assert share.min() > 0.05, name


def test_attributes_name_only_what_can_be_seen():
    p = parameters_from_z(stack_seeds(range(1500)))
    assert not (p.has("beard") * p.has("gender", "woman")).any()
    assert not (p.has("hat") * (p.has("hair_style", "bun") + p.has("hair_style", "bald"))).any()
    assert torch.equal(p.has("hair_style", "bald"), p.has("hair_colour", "none"))


def test_wrong_latent_is_refused():
    with pytest.raises(InputError, match=r"\[2, 10\].*\[B, 64\]"):
        parameters_from_z(torch.zeros(2, 10))
