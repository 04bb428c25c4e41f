"""Blends in the graph: kept where they have a name, as differences, and refused for strangers."""

import pytest
import torch

import ddgi
import ddgi.gan
import ddgi.native

TINY = ddgi.gan.StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=16, channel_base=64, channel_max=8,
                                num_mapping_layers=2)


@pytest.fixture(scope="module")
def network():
    return ddgi.gan.StyleGAN2Generator.untrained(TINY, name="tiny")


@pytest.fixture
def folders(pack, network, tmp_path, monkeypatch):
    import folder_paths

    network.save(tmp_path / "base.safetensors")
    monkeypatch.setattr(folder_paths, "output_directory", str(tmp_path / "output"))
    monkeypatch.setitem(folder_paths.folder_names_and_paths, pack.host.folders.GENERATORS,
                        ([str(tmp_path)], {".safetensors"}))
    return tmp_path


@pytest.fixture
def generator(pack, folders):
    return pack.host.managed.managed_generator(folders / "base.safetensors")


@pytest.fixture
def styled(pack, network):
    copy = network.copy("styled")
    for value in copy.drawing_weights().values():
        value.mul_(1.5)
    return pack.host.managed.managed_copy(copy)


def run(node, *args, **inputs):
    with torch.inference_mode():        # as the host runs nodes
        return node.PREPARE_CLASS_CLONE(None).execute(*args, **inputs).args


def test_a_blend_with_a_name_is_a_file_of_differences(pack, folders, generator, styled):
    node = pack.nodes.style.BlendGenerators
    blend, = run(node, generator, styled, 0.5, 4, 1024)
    assert blend.path is None and blend.value.name == "tiny + styled"
    kept, = run(node, generator, styled, 0.5, 4, 1024, name="half")
    path = folders / "half.safetensors"
    assert ddgi.native.read_metadata(path)["format"] == "ddgi.difference"
    again = pack.host.managed.managed_generator(path).value
    assert again.fingerprint == kept.value.fingerprint
    ws = again.map(torch.randn(2, 8, generator=torch.Generator().manual_seed(0)))
    plain, whole, half = (one.render(ws, relative=True).image for one in (generator.value, styled.value, again))
    assert 0 < (half - whole).abs().mean() < (plain - whole).abs().mean()
    with pytest.raises(ddgi.InputError, match="already"):
        run(node, generator, styled, 0.5, 4, 1024, name="half")


def test_a_stranger_is_refused_with_both_names(pack, generator):
    other = ddgi.gan.StyleGAN2Generator.untrained(TINY, seed=4, name="stranger")
    with pytest.raises(ddgi.InputError, match="'tiny'.*'stranger'"):
        run(pack.nodes.style.BlendGenerators, generator, pack.host.managed.managed_copy(other), 0.5, 4, 1024)
