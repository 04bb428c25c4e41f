"""Blends: exact at their ends, only at the resolutions asked for, relatives of both parents, and of no stranger."""

import pytest
import torch
from safetensors.torch import load_file

from ddgi.errors import InputError
from ddgi.gan import EG3DConfig, EG3DGenerator, Generator, StyleGAN2Config, StyleGAN2Generator
from ddgi.style import blend

TINY = StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=16, channel_base=256, channel_max=16, num_mapping_layers=2)
SOLID = EG3DConfig(
    StyleGAN2Config(z_dim=8, c_dim=25, w_dim=8, img_resolution=16, img_channels=12, channel_base=128, channel_max=8,
                    num_mapping_layers=2),
    img_resolution=32, neural_rendering_resolution=8, feature_channels=4, decoder_width=8, sr_kind="2X",
    sr_input_resolution=16, sr_channels=(8, 8))


def styled(parent, seed):
    """A copy with other weights everywhere, the mapping network included."""
    copy = parent.copy(f"styled {seed}")
    rng = torch.Generator().manual_seed(seed)
    for value in copy.module.state_dict().values():
        if value.is_floating_point():
            value.add_(0.1 * torch.randn(value.shape, generator=rng))
    return copy


@pytest.fixture(scope="module")
def first():
    return StyleGAN2Generator.untrained(TINY, name="plain")


@pytest.fixture(scope="module")
def second(first):
    return styled(first, 1)


def same(one, two):
    """Names of the tensors that two generators share bit for bit."""
    others = two.module.state_dict()
    return {name for name, value in one.module.state_dict().items() if torch.equal(value, others[name])}


def test_the_ends_are_the_parents_bit_for_bit(first, second):
    everything = set(first.module.state_dict())
    assert same(blend(first, second, 0.0, name="x"), first) == everything
    whole = blend(first, second, 1.0, name="x")
    assert same(whole, second) == {name for name in everything if "mapping." not in name}
    assert same(whole, first) == {name for name in everything if "mapping." in name}


def test_half_way_lies_between_and_beyond_one_exaggerates(first, second):
    name = "synthesis.b8.conv0.weight"
    ours, theirs = (one.module.state_dict()[name] for one in (first, second))
    for strength in (0.5, 1.5):
        found = blend(first, second, strength, name="x").module.state_dict()[name]
        torch.testing.assert_close(found, ours + strength * (theirs - ours), atol=1e-6, rtol=1e-5)


def test_layers_are_swapped_by_resolution(first, second):
    swapped = blend(first, second, lowest=8, highest=8, name="x")
    assert same(swapped, second) == {name for name in first.module.state_dict() if ".b8." in name}


def test_both_parents_latents_are_accepted_and_the_blend_is_saved(first, second, tmp_path):
    other = styled(first, 2)
    child = blend(second, other, 0.5, name="child")
    assert child.lineage.ancestry == (second.fingerprint, first.fingerprint, other.fingerprint)
    for parent in (first, second, other):
        child.render(parent.latent(torch.randn(1, 6, 8)))
    child.save(tmp_path / "child.safetensors")
    from ddgi.checkpoints import load_generator
    again = load_generator(tmp_path / "child.safetensors")
    assert again.lineage == child.lineage and again.provenance["blended"]["of"] == ["styled 1", "styled 2"]


def test_strangers_and_other_sizes_are_refused_with_both_names(first, second):
    stranger = StyleGAN2Generator.untrained(TINY, seed=9, name="stranger")
    with pytest.raises(InputError, match="'plain'.*'stranger'.*no relatives"):
        blend(first, stranger, name="x")
    larger = StyleGAN2Generator.untrained(StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=32, channel_max=8),
                                          name="larger")
    larger.provenance["ancestry"] = [first.fingerprint]
    with pytest.raises(InputError, match="'plain'.*'larger'.*sizes"):
        blend(first, larger, name="x")
    with pytest.raises(InputError, match="from 32 to 8"):
        blend(first, second, lowest=32, highest=8, name="x")
    with pytest.raises(InputError, match="strength"):
        blend(first, second, 3.0, name="x")


def test_3d_heads_have_planes_first_and_super_resolution_last():
    first = EG3DGenerator.untrained(SOLID, name="head")
    second = styled(first, 3)
    planes, picture = blend(first, second, highest=16, name="x"), blend(first, second, lowest=32, name="x")
    ws = torch.randn(1, 6, 8)
    assert torch.equal(picture.planes(ws), first.planes(ws))
    assert torch.equal(planes.planes(ws), second.planes(ws))
    assert torch.equal(planes.render(ws).image_raw, second.render(ws).image_raw)
    assert not torch.equal(planes.render(ws).image, second.render(ws).image)


def test_every_layer_of_stylegan3_has_a_resolution(golden):
    case = load_file(golden / "stylegan3_tiny_t.safetensors")
    weights = {key[3:]: value for key, value in case.items() if key.startswith("sd.")}
    generator = Generator.from_state_dict(weights | {"synthesis.input.transform": torch.eye(3)})
    size = generator.config.img_resolution
    found = [generator.resolution_of(name) for name in generator.module.state_dict() if "mapping." not in name]
    assert found == sorted(found) and found[-1] == size and set(found) <= {2 ** power for power in range(11)}
    assert generator.resolution_of("mapping.w_avg") is None
