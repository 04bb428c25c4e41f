"""Saving and loading latents through ComfyUI's folders."""

import pytest
import torch

import ddgi.gan


@pytest.fixture
def output(host, tmp_path, monkeypatch):
    import folder_paths

    monkeypatch.setattr(folder_paths, "output_directory", str(tmp_path))
    return tmp_path


def save(pack, latent):
    node = pack.nodes.latents.SaveLatent
    prepared = node.PREPARE_CLASS_CLONE({"hidden_inputs": {}})
    return prepared.execute(latent, "faces/anna")


def test_a_saved_latent_comes_back(pack, output):
    latents = pack.nodes.latents
    latent = ddgi.gan.GanLatent(torch.randn(2, 6, 8), "0123456789abcdef", "tiny")
    result = save(pack, latent)
    assert result.args[0] is latent
    name = latents._latent_names()[0]
    assert name == "faces/anna_00001_.latent.safetensors [output]"
    back = latents.LoadLatent.execute(name).args[0]
    assert torch.equal(back.ws, latent.ws)
    assert (back.generator_fingerprint, back.generator_name) == ("0123456789abcdef", "tiny")


def test_numbers_count_up_and_nothing_is_overwritten(pack, output):
    latent = ddgi.gan.GanLatent(torch.randn(1, 6, 8), "0123456789abcdef", "tiny")
    save(pack, latent)
    save(pack, latent)
    assert sorted(path.name for path in (output / "faces").iterdir()) == [
        "anna_00001_.latent.safetensors", "anna_00002_.latent.safetensors"]


@pytest.mark.parametrize("name", ["nobody.latent.safetensors [output]", "../../etc/passwd [output]"])
def test_a_missing_latent_is_named(pack, output, name):
    message = pack.nodes.latents.LoadLatent.validate_inputs(name)
    assert name in message and "DDGI Save Latent" in message


def test_a_link_to_nothing_hides_neither_node_nor_other_files(pack, output):
    node = pack.nodes.latents.LoadLatent
    (output / "x.latent.safetensors").symlink_to(output / "gone.latent.safetensors")
    (output / "anna.latent.safetensors").touch()
    assert "anna.latent.safetensors [output]" in node.GET_SCHEMA().inputs[0].options
    assert not any("x.latent" in option for option in node.GET_SCHEMA().inputs[0].options)
    assert node in pack.nodes.node_classes()


def test_a_place_that_cannot_be_written_is_a_sentence(pack, output):
    (output / "faces").touch()                  # in the place of a folder
    with pytest.raises(ddgi.InputError, match="faces.* could not be written .*; free space on that disk, or choose"):
        save(pack, ddgi.gan.GanLatent(torch.randn(1, 6, 8), "0123456789abcdef", "tiny"))
