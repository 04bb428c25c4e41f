"""A demo set that goes on from a finished one begins with exactly its weights."""

import dataclasses
import importlib
import json
import shutil

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

NOTHING = {"vae_steps": 0, "decoder_steps": 0, "text_steps": 0, "diffusion_steps": 0, "heads": 8}


@pytest.fixture(scope="module")
def part(pack):
    return lambda name: importlib.import_module(f"{pack.__name__}.{name}")


@pytest.fixture(scope="module")
def finished(part):
    return part("host.folders").DEMO


def recipe(part, finished, folder, **settings):
    sizes = dataclasses.replace(part("ddgi.demo.settings").CPU, **settings)
    return part("ddgi.demo.recipe").Recipe(
        sizes, part("host.training.demo").builders(), folder / "work", folder / "out",
        part("ddgi.demo.start").Start(finished), report=lambda line: None)


def test_no_steps_of_the_diffusion_stage_give_the_same_files(part, finished, tmp_path):
    recipe(part, finished, tmp_path, **NOTHING).run(("diffusion",))
    files = part("ddgi.native")
    for name in ("diffusion.safetensors", "controlnet.safetensors"):
        before, after = load_file(finished / name), load_file(tmp_path / "out" / name)
        assert before.keys() == after.keys()
        assert all(torch.equal(before[key], after[key]) for key in before if "token_embedding" not in key), name
        old, new = (files.read_metadata(folder / name) for folder in (finished, tmp_path / "out"))
        assert new["config"]["unet"] == old["config"]["unet"]
        assert new["provenance"]["goes_on_from"] == old["provenance"]


def test_files_that_no_stage_makes_are_copied_and_finished_ones_kept(part, finished, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "judges.safetensors").write_bytes(b"finished by an earlier stage")
    recipe(part, finished, tmp_path)
    assert (out / "judges.safetensors").read_bytes() == b"finished by an earlier stage"
    name = "generator_stylegan2.safetensors"
    assert (out / name).read_bytes() == (finished / name).read_bytes()
    assert {path.name for path in out.glob("*.safetensors")} == {p.name for p in finished.glob("*.safetensors")}


def test_the_code_network_learns_what_the_mapping_network_knows(part, tmp_path):
    generator, gan = part("ddgi.demo.generator"), part("ddgi.gan")
    torch.manual_seed(0)
    sizes = gan.StyleGAN2Config(z_dim=64, w_dim=8, img_resolution=8, channel_base=64, channel_max=8)
    module, network = gan.StyleGAN2Generator.network(sizes).requires_grad_(False), generator.CodeNetwork(8)
    settings = dataclasses.replace(part("ddgi.demo.settings").CPU, code_steps=100)
    z = torch.randn(256, 64)
    error = lambda: (network(generator.head_code(z)) - module.mapping.single(z, None)).square().mean().item()  # noqa: E731
    before = error()
    generator.train_code_network(settings, network, generator.head_code, module.mapping, tmp_path, lambda line: None)
    assert error() < before / 2  # measured: a fifth


def test_a_set_of_other_sizes_is_refused(part, finished, tmp_path):
    errors = part("ddgi.errors")
    with pytest.raises(errors.InputError, match=r"^diffusion.safetensors cannot be trained further by this recipe"):
        recipe(part, finished, tmp_path, **NOTHING, vae_channels=64).run(("autoencoder",))


def test_a_missing_file_and_an_empty_folder_are_named(part, finished, tmp_path):
    errors, start = part("ddgi.errors"), part("ddgi.demo.start")
    with pytest.raises(errors.InputError, match="There are no finished models in"):
        start.Start(tmp_path)
    some = tmp_path / "some"
    some.mkdir()
    shutil.copy(finished / "judges.safetensors", some)
    with pytest.raises(errors.InputError, match=r"There is no diffusion.safetensors to begin with among judges"):
        recipe(part, some, tmp_path, **NOTHING).run(("autoencoder",))


def test_words_keep_their_embeddings_in_a_larger_vocabulary(part, finished, tmp_path):
    recipe(part, finished, tmp_path, **NOTHING).run(("diffusion",))
    name = "text.text_model.embeddings.token_embedding.weight"
    before, after = (load_file(folder / "diffusion.safetensors")[name] for folder in (finished, tmp_path / "out"))
    old, new = (json.loads((folder / "tokenizer" / "vocab.json").read_text())
                for folder in (finished, tmp_path / "out"))
    assert len(after) == len(new)
    for word in ("woman</w>", "glasses</w>", "<|startoftext|>", "<|endoftext|>"):
        assert torch.equal(before[old[word]], after[new[word]]), word


def test_a_file_that_lacks_a_tensor_is_refused(part, finished, tmp_path):
    for name in ("diffusion.safetensors", "controlnet.safetensors"):
        shutil.copy(finished / name, tmp_path)
    shutil.copytree(finished / "tokenizer", tmp_path / "tokenizer")
    tensors = load_file(finished / "controlnet.safetensors")
    tensors.pop("input_blocks.0.0.weight")
    save_file(tensors, tmp_path / "controlnet.safetensors", load_metadata(finished / "controlnet.safetensors"))
    with pytest.raises(part("ddgi.errors").InputError, match="input_blocks.0.0.weight"):
        recipe(part, tmp_path, tmp_path / "new", **NOTHING).run(("diffusion",))


def load_metadata(path):
    with safe_open(path, "pt") as file:
        return file.metadata()
