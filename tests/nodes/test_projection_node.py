"""Photographs as latents, in the node: found, tuned, kept after a cancel."""

import importlib

import pytest
import torch

import ddgi
import ddgi.gan
import ddgi.native


@pytest.fixture(scope="module")
def network():
    config = ddgi.gan.StyleGAN2Config(z_dim=8, w_dim=8, img_resolution=16, channel_base=64, channel_max=8,
                                      num_mapping_layers=2)
    return ddgi.gan.StyleGAN2Generator.untrained(config, name="tiny")


@pytest.fixture
def image(network):
    ws = network.map(torch.randn(2, 8, generator=torch.Generator().manual_seed(3)))
    return ((network.render(ws).image * 127.5 + 128).clamp(0, 255) / 255).movedim(1, -1)


def project(pack, image, generator, tune=None, **settings):
    settings = {"steps": 4, "space": "w+", **settings}
    with torch.inference_mode():        # as the host runs nodes
        return pack.nodes.projection.ProjectImage.PREPARE_CLASS_CLONE(None).execute(
            image.clone(), generator, tune_generator=tune or {"tune_generator": "no"}, **settings).args


def test_faces_come_back_nearer_and_the_generator_is_the_same(pack, image, generator):
    first = project(pack, image, generator, steps=1)[0]
    latent, same = project(pack, image, generator, steps=12, batch=2)
    assert same is generator and len(latent.ws) == 2
    assert sum(latent.record["distances"]) < sum(first.record["distances"])
    again = project(pack, image, generator, steps=1, start=latent)[0]
    assert sum(again.record["distances"]) < sum(first.record["distances"])


def test_a_tuned_copy_is_a_file_of_differences_and_a_relative(pack, image, generator, folders):
    tune = {"tune_generator": "yes", "tuning_steps": 3, "name": "anna", "replace": False}
    latent, tuned = project(pack, image[:1], generator, tune, steps=2)
    again = pack.host.managed.managed_generator(folders / "anna.safetensors")
    assert again.value.fingerprint == tuned.value.fingerprint != generator.value.fingerprint
    assert ddgi.native.read_metadata(folders / "anna.safetensors")["format"] == "ddgi.difference"
    latent.check(generator.value)
    assert latent.generator_fingerprint == tuned.value.fingerprint
    with pytest.raises(ddgi.InputError, match="already"):
        project(pack, image[:1], generator, tune)


def test_a_cancel_keeps_the_nearest_faces(pack, image, generator, folders, monkeypatch):
    import comfy.model_management

    shown = importlib.import_module(f"{pack.__name__}.host.shown")
    calls = []

    def interrupt():
        calls.append(1)
        if len(calls) == 6:
            raise comfy.model_management.InterruptProcessingException

    monkeypatch.setattr(shown, "throw_exception_if_processing_interrupted", interrupt)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        project(pack, image, generator)
    kept = ddgi.GanLatent.load(folders / "output" / "ddgi" / "projected_00001_.latent.safetensors")
    assert len(kept.ws) == 2 and kept.lineage == generator.value.lineage


def test_what_cannot_be_projected_is_refused(pack, image, generator):
    with pytest.raises(ddgi.InputError, match="8 x 16.*Align Face"):
        project(pack, image[:, :, :8], generator)
    with pytest.raises(ddgi.InputError, match="mask is empty"):
        project(pack, image, generator, mask=torch.zeros(1, 16, 16))
    with pytest.raises(ddgi.InputError, match="3 masks"):
        project(pack, image, generator, mask=torch.ones(3, 16, 16))


def test_the_vae_compares_too(pack, image, generator):
    core_models = importlib.import_module(f"{pack.__name__}.host.demo_models")
    vae = core_models.load_diffusion()[2]
    latent, _ = project(pack, image[:1], generator, vae=vae, steps=2)
    plain, _ = project(pack, image[:1], generator, steps=2)
    assert latent.record["distances"][0] > plain.record["distances"][0]     # features are added


def test_choices_are_the_librarys(pack):
    from ddgi.projection import SPACES

    assert set(pack.nodes.projection.SPACES) == set(SPACES)
