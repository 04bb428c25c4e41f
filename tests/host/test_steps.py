"""Faces on their way, on the demo models: shown while sampling, and in a row afterwards."""

import importlib
import itertools

import numpy as np
import pytest
import torch

STEPS = 10


@pytest.fixture(scope="module")
def models(nodes):
    return nodes["LoadDemoModels"].execute().args


@pytest.fixture
def sample(nodes, models):
    """Latent and features of every step that DDGI Sampler gives with a model."""
    def run(model):
        with torch.inference_mode():
            clip, latent = models[1], {"samples": torch.zeros(1, 8, 8, 8)}
            words, nothing = (nodes["Prompt"].execute(clip, text).args[0] for text in ("a woman with a hat", ""))
            return nodes["FeatureExtract"].execute(model, 3, STEPS, 2.0, "euler", "normal", words, nothing, latent,
                                                   1.0, "all", 1, "0").args
    return run


@pytest.fixture
def shown(monkeypatch):
    """(step, picture) of everything that goes through the host's preview channel."""
    import comfy.utils

    found = []

    def hook(value, total, preview, node_id=None):
        if preview is not None:
            found.append((value - 1, preview[1]))

    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", hook)
    return found


@pytest.fixture
def preview(pack, models, monkeypatch):
    def make(clock):
        monkeypatch.setattr(pack.nodes.capture.FeatureExtract, "hidden", None, raising=False)
        module = importlib.import_module(f"{pack.__name__}.host.capture.preview")
        return module.FacePreview(models[5], models[4], clock).attach(models[0])
    return make


def test_every_step_shows_its_own_face_and_the_result_stays(pack, models, sample, shown, preview):
    latent, features = sample(preview(lambda: 0.0))
    plain, _ = sample(models[0])
    assert torch.equal(latent["samples"], plain["samples"])
    assert [step for step, _ in shown] == list(range(STEPS))
    latents, _ = pack.ddgi.bridge.step_strip(features, models[5].load(), models[4].load(), 256)
    faces = models[4].value.draw(latents.ws).clamp(-1, 1)
    for (_, picture), face in zip(shown, faces):
        wanted = pack.ddgi.pictures.to_bytes(face[None])[0].movedim(0, -1).numpy()
        assert np.abs(np.asarray(picture).astype(int) - wanted).max() <= 1      # drawn alone or in a batch
    assert np.abs(np.asarray(shown[0][1]).astype(int) - np.asarray(shown[-1][1])).mean() > 1


def test_previews_take_a_fifth_of_the_time_at_most(sample, shown, preview):
    """Each reading of the clock is a second later: a face takes one, so that four pass before the next."""
    ticks = itertools.count()
    sample(preview(lambda: float(next(ticks))))
    assert [step for step, _ in shown] == [0, 4, 8]


def test_weights_that_are_elsewhere_show_nothing_and_sampling_goes_on(models, sample, shown, preview, monkeypatch):
    model = preview(lambda: 0.0)
    monkeypatch.setattr(type(models[5]), "device", torch.device("meta"))
    sample(model)
    assert not shown


def test_a_generator_that_the_bridge_does_not_know_is_refused_before_sampling(pack, nodes, models):
    head = nodes["LoadDemoModels"].execute("3D head (EG3D)").args[4]
    with pytest.raises(pack.ddgi.errors.InputError, match="This bridge was made for"):
        nodes["FacePreviewNode"].execute(models[0], models[5], head)


def test_a_strip_has_a_row_for_each_face_and_a_column_for_each_step(pack, models, sample, monkeypatch):
    monkeypatch.setattr(pack.nodes.capture.FeatureExtract, "hidden", None, raising=False)
    _, features = sample(models[0])
    latents, strip = pack.ddgi.bridge.step_strip(features, models[5].load(), models[4].load(), 32)
    for step in (0, STEPS - 1):
        alone = models[5].value(features, step).ws
        torch.testing.assert_close(latents.ws[step], alone[0], rtol=0, atol=0)
    assert latents.ws.shape[0] == STEPS and strip.size[0] == STEPS * 32
