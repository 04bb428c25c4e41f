"""Loading generators and bridges from ComfyUI's model folders."""

import pytest
import torch

import ddgi.gan


@pytest.fixture
def folder(pack, tmp_path, monkeypatch):
    import folder_paths

    folders = pack.host.folders
    monkeypatch.setitem(folder_paths.folder_names_and_paths, folders.GENERATORS, ([str(tmp_path)], {".safetensors"}))
    return tmp_path


@pytest.fixture
def generator(pack):
    gan = ddgi.gan
    torch.manual_seed(0)
    config = gan.StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=16, channel_base=64, channel_max=8,
                                 num_mapping_layers=2)
    module = gan.StyleGAN2Generator.network(config).eval().requires_grad_(False)
    return gan.StyleGAN2Generator(config, module, name="tiny")


def test_a_saved_generator_is_listed_and_loads_to_the_same_pictures(pack, folder, generator):
    generator.save(folder / "tiny.safetensors")
    assert "tiny.safetensors" in pack.host.folders.file_names(pack.host.folders.GENERATORS)
    assert pack.nodes.loaders.LoadGenerator.validate_inputs("tiny.safetensors") is True
    managed = pack.nodes.loaders.LoadGenerator.execute("tiny.safetensors").args[0]
    ws = generator.map(torch.randn(1, 8))
    assert torch.equal(managed.load().render(ws).image, generator.render(ws).image)
    assert managed.value.fingerprint == generator.fingerprint


def test_the_order_of_planes_can_be_chosen_where_the_message_asks_for_it(pack, folder, generator):
    loader = pack.nodes.loaders.LoadGenerator
    backbone = ddgi.gan.StyleGAN2Config(z_dim=8, c_dim=25, w_dim=8, img_resolution=8, img_channels=12, channel_base=64,
                                        channel_max=8, num_mapping_layers=2)
    config = ddgi.gan.EG3DConfig(backbone, img_resolution=16, feature_channels=4, decoder_width=8, sr_kind="2X",
                                 sr_input_resolution=8, sr_channels=(8, 4))
    ddgi.gan.EG3DGenerator.untrained(config).save(folder / "head.safetensors")
    assert "plane_axes" in [entry.id for entry in loader.GET_SCHEMA().inputs]
    for axes, expected in (("from the file", "xy_xz_zx"), ("xy_yz_zx", "xy_yz_zx")):
        managed = loader.execute("head.safetensors", plane_axes=axes).args[0]
        assert managed.value.config.rendering.plane_axes == expected
    generator.save(folder / "flat.safetensors")
    with pytest.raises(ddgi.InputError, match="plane_axes was given, but it is a 2D StyleGAN2 generator"):
        loader.execute("flat.safetensors", plane_axes="xy_yz_zx")


def test_a_missing_file_is_named_with_folder_and_remedy(pack, folder):
    message = pack.nodes.loaders.LoadGenerator.validate_inputs("ffhq.pkl")
    assert "'ffhq.pkl'" in message and str(folder) in message and "rosinality" in message


def test_a_user_folder_from_extra_model_paths_is_kept(pack, tmp_path, monkeypatch):
    import folder_paths

    kind = pack.host.folders.BRIDGES
    monkeypatch.setitem(folder_paths.folder_names_and_paths, kind, ([str(tmp_path)], set()))
    pack.host.folders.register()
    paths, suffixes = folder_paths.folder_names_and_paths[kind]
    assert str(tmp_path) in paths and len(paths) == 2 and suffixes == {".safetensors"}
