"""Generators kept as differences to another."""

import pytest
import torch

from ddgi.checkpoints import inspect_file, load_generator
from ddgi.checkpoints.difference import save_difference
from ddgi.errors import InputError
from ddgi.files import save_tensors
from ddgi.gan import StyleGAN2Config, StyleGAN2Generator

TINY = StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=16, channel_base=256, channel_max=16, num_mapping_layers=2)


@pytest.fixture
def base(tmp_path):
    generator = StyleGAN2Generator.untrained(TINY, name="base")
    generator.save(tmp_path / "base.safetensors")
    return generator


@pytest.fixture
def copy(base):
    """As tuning leaves it: drawing weights a little off, the mapping network untouched."""
    copy = base.copy("styled")
    rng = torch.Generator().manual_seed(1)
    for value in copy.drawing_weights().values():
        value.add_(0.05 * torch.randn(value.shape, generator=rng))
    return copy


def test_a_file_of_differences_gives_the_generator_it_was_saved_as(tmp_path, base, copy):
    kept = save_difference(tmp_path / "styled.safetensors", copy, base, "base.safetensors")
    copy.save(tmp_path / "whole.safetensors")
    again = load_generator(tmp_path / "styled.safetensors")
    assert again.fingerprint == kept.fingerprint != copy.fingerprint
    assert (again.name, again.lineage) == ("styled", kept.lineage)
    assert again.lineage.ancestry == (base.fingerprint,)
    ws = base.map(torch.randn(2, 8))
    assert torch.equal(again.render(ws).image, kept.render(ws).image)
    # Eight bits of a change of 5 %: a 254th of its largest value in each row.
    near, far = ((one.render(ws).image - copy.render(ws).image).abs().mean() for one in (kept, base))
    assert near < 0.02 * far
    sizes = [(tmp_path / name).stat().st_size for name in ("styled.safetensors", "whole.safetensors")]
    assert sizes[0] < sizes[1] / 2


def test_only_what_changed_is_kept(tmp_path, base):
    kept = save_difference(tmp_path / "same.safetensors", base.copy("same"), base, "base.safetensors")
    assert kept.fingerprint == base.fingerprint and inspect_file(tmp_path / "same.safetensors")["tensors"] == 0
    assert load_generator(tmp_path / "same.safetensors").fingerprint == base.fingerprint


def test_the_base_is_found_in_other_folders_and_known_by_its_weights(tmp_path, base, copy):
    models = tmp_path / "models" / "faces"
    models.mkdir(parents=True)
    save_difference(tmp_path / "styled.safetensors", copy, base, "base.safetensors")
    (tmp_path / "base.safetensors").rename(models / "base.safetensors")
    other = StyleGAN2Generator.untrained(TINY, seed=5, name="other")
    other.save(tmp_path / "base.safetensors")           # of the same name beside the file, and a stranger
    with pytest.raises(InputError, match="styled.safetensors.*'base'.*not found"):
        load_generator(tmp_path / "styled.safetensors")
    assert load_generator(tmp_path / "styled.safetensors", bases=[tmp_path / "models"]).name == "styled"


def test_differences_to_a_copy_of_a_copy(tmp_path, base, copy):
    kept = save_difference(tmp_path / "styled.safetensors", copy, base, "base.safetensors")
    second = kept.copy("second")
    second.module.synthesis.b4.const.add_(0.1)
    save_difference(tmp_path / "second.safetensors", second, kept, "styled.safetensors")
    again = load_generator(tmp_path / "second.safetensors")
    assert again.lineage.ancestry == (kept.fingerprint, base.fingerprint)


def test_files_that_name_each_other_end(tmp_path, base):
    for name, other in (("a", "b"), ("b", "a")):
        config = {"base": {"file": f"{other}.safetensors", "name": other, "fingerprint": "12"}}
        save_tensors(tmp_path / f"{name}.safetensors", {}, format="ddgi.difference", config=config)
    with pytest.raises(InputError, match="not found"):
        load_generator(tmp_path / "a.safetensors")


@pytest.mark.parametrize("tensors", [
    {"synthesis.b4.const": torch.zeros(3, 3)}, {"nothing": torch.zeros(1)},
    {"synthesis.b4.const": torch.zeros(16, 4, 4, dtype=torch.int8)},
    {"synthesis.b4.const": torch.zeros(16, 4, 4, dtype=torch.int8), "synthesis.b4.const|scale": torch.zeros(3)},
    {"synthesis.b4.const": torch.full((16, 4, 4), float("nan"))}, {"synthesis.b4.const": torch.ones(16, 4, 4)}])
def test_what_does_not_fit_is_refused(tmp_path, base, tensors):
    config = {"fingerprint": "1", "base": {"file": "base.safetensors", "name": "base",
                                           "fingerprint": base.fingerprint}}
    save_tensors(tmp_path / "bad.safetensors", tensors, format="ddgi.difference", config=config)
    with pytest.raises(InputError, match="bad.safetensors"):
        load_generator(tmp_path / "bad.safetensors")


def test_other_sizes_have_no_differences(tmp_path, base):
    config = StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=8, channel_max=8)
    small = StyleGAN2Generator.untrained(config, name="small")
    with pytest.raises(InputError, match="'small'.*'base'"):
        save_difference(tmp_path / "x.safetensors", small, base, "base.safetensors")
