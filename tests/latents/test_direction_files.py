"""Files of directions: ours, and those that people share."""

import numpy as np
import pytest
import torch

from ddgi.errors import InputError
from ddgi.gan.lineage import Lineage
from ddgi.latents import Direction, load_directions, save_directions
from ddgi.latents.stylespace import channel_styles, from_styles, style_sizes


def vector(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_a_file_round_trip(tmp_path, generator):
    path = tmp_path / "set.safetensors"
    lineage = Lineage("12", "parent", ("34",))
    ours = [Direction("smile", vector(8), lineage, (1, 2), {"method": "words"}),
            Direction("hat", vector(10, 8), lineage)]
    save_directions(path, ours)
    for before, after in zip(ours, load_directions(path)):
        assert torch.equal(before.offset, after.offset)
        assert (before.name, before.lineage, before.layers, before.record) == (
            after.name, after.lineage, after.layers, after.record)
    with pytest.raises(InputError, match="'smile'.*'parent'.*'tiny'"):
        load_directions(path, generator)


def test_directions_of_several_generators_are_no_set(tmp_path):
    pair = [Direction("a", vector(8), Lineage("1", "one")), Direction("b", vector(8), Lineage("2", "two"))]
    with pytest.raises(InputError, match="'two'.*'one'"):
        save_directions(tmp_path / "set.safetensors", pair)


@pytest.mark.parametrize("shape, layout, count", [
    ((1, 8), "W", 1), ((8,), "W", 1), ((10, 8), "W+", 1), ((1, 10, 8), "W+", 1), ((3, 10, 8), "W+", 3),
    ((4, 8), "W", 4)])
@pytest.mark.parametrize("suffix", [".npy", ".pt"])
def test_bare_arrays(tmp_path, generator, shape, layout, count, suffix):
    """InterfaceGAN's [1, w_dim], stylegan2directions' [num_ws, w_dim], e4e's .pt."""
    path, values = tmp_path / f"age{suffix}", vector(*shape)
    np.save(path, values.numpy()) if suffix == ".npy" else torch.save(values, path)
    found = load_directions(path, generator)
    assert len(found) == count and found[0].record["layout"] == layout
    assert torch.equal(found[-1].offset.flatten(), values.flatten()[-found[-1].offset.numel():])
    assert found[0].lineage == generator.lineage and found[0].name == ("age" if count == 1 else "age 0")


@pytest.mark.parametrize("names", [("lat_comp", "lat_stdev"), ("act_comp", "act_stdev"), ("comp", "std")])
def test_ganspace_components_come_with_their_deviations(tmp_path, generator, names):
    arrays = {names[0]: vector(4, 1, 8).numpy(), names[1]: np.array([3.0, 2.0, 1.0, 0.5], np.float32),
              "mean": np.zeros((1, 8), np.float32)}
    np.savez(tmp_path / "pca.npz", **arrays)
    torch.save({name: torch.from_numpy(value) for name, value in arrays.items()}, tmp_path / "pca.pt")
    for suffix in (".npz", ".pt"):
        found = load_directions(tmp_path / f"pca{suffix}", generator)
        assert len(found) == 4
        torch.testing.assert_close(found[1].offset, torch.from_numpy(arrays[names[0]][1, 0] * 2.0))


def test_a_stylespace_change_becomes_the_nearest_offset(tmp_path, generator):
    """Layer 1 of w drives the ToRGB of 4 px and the first convolution of 8 px; w has as many numbers as each."""
    wanted = vector(10, 8)
    styles = [layer.weight.detach() @ wanted[layer.index] for layer in generator.style_layers()]
    torch.save(torch.cat(styles), tmp_path / "whole.pt")
    torch.save([style[None] for style in styles], tmp_path / "layers.pt")
    for name in ("whole.pt", "layers.pt"):
        found = load_directions(tmp_path / name, generator)[0]
        torch.testing.assert_close(found.offset, wanted, atol=1e-4, rtol=1e-4)
        assert found.record["layout"] == "StyleSpace" and found.record["reached"] == 1.0
    main = torch.cat([style for style, layer in zip(styles, generator.style_layers()) if not layer.is_rgb])
    np.save(tmp_path / "without_rgb.npy", main.numpy())
    assert load_directions(tmp_path / "without_rgb.npy", generator)[0].record["reached"] < 1


def test_one_style_channel(generator):
    offset, reached = from_styles(generator, channel_styles(generator, 3, 5))
    assert offset[2].any() and not offset[[0, 1, *range(3, 10)]].any()      # conv1 of 8 px alone is driven by w 2
    assert reached == pytest.approx(1.0, abs=1e-6)
    with pytest.raises(InputError, match="style layers"):
        channel_styles(generator, len(style_sizes(generator)), 0)


def test_z_space_is_told_from_w_by_interfacegans_names(tmp_path, generator):
    np.save(tmp_path / "stylegan_ffhq_age_boundary.npy", vector(1, 8).numpy())
    np.save(tmp_path / "stylegan_ffhq_age_w_boundary.npy", vector(1, 8).numpy())
    with pytest.raises(InputError, match="in Z"):
        load_directions(tmp_path / "stylegan_ffhq_age_boundary.npy", generator)
    assert load_directions(tmp_path / "stylegan_ffhq_age_w_boundary.npy", generator)


def test_a_foreign_file_needs_the_generators_name(tmp_path, generator):
    np.save(tmp_path / "age.npy", vector(8).numpy())
    with pytest.raises(InputError, match="connect that generator"):
        load_directions(tmp_path / "age.npy")
    np.save(tmp_path / "age.npy", vector(12).numpy())
    with pytest.raises(InputError, match=r"\[12\].*\[10, 8\]"):
        load_directions(tmp_path / "age.npy", generator)


def test_pickled_objects_are_refused(tmp_path, generator):
    np.save(tmp_path / "dict.npy", np.array({"w": 1}), allow_pickle=True)
    with pytest.raises(InputError, match="Python objects"):
        load_directions(tmp_path / "dict.npy", generator)
