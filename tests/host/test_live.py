"""A face in one pass for a painter, on the demo models."""

import base64
import gc

import numpy as np
import pytest
import torch
from PIL import Image

from ddgi.errors import InputError
from ddgi.painting import PREFIX


@pytest.fixture(scope="module")
def live(pack):
    from importlib import import_module

    return import_module(f"{pack.__name__}.host.live")


@pytest.fixture(scope="module")
def models(nodes):
    """model, clip, control_net, bridge, generator of the demo's 2D set."""
    model, clip, _, control_net, generator, bridge = nodes["LoadDemoModels"].execute().args
    return model, clip, control_net, bridge, generator


@pytest.fixture(scope="module")
def drawing(pack):
    data = (pack.host.folders.EXAMPLES / "mask_hat.png").read_bytes()
    return PREFIX + base64.b64encode(data).decode()


def pixels(picture):
    return torch.from_numpy(np.asarray(picture).copy())


def test_the_face_is_that_of_encode_image_face_latent_and_render(live, nodes, models, drawing):
    """The way through four nodes, without the painter."""
    import nodes as core_nodes

    model, clip, control_net, bridge, generator = models
    prompt = "a happy woman with a hat"
    hint = nodes["PaintMask"].execute("mask", drawing).args[0]
    positive = nodes["Prompt"].execute(clip, prompt).args[0]
    apply = core_nodes.ControlNetApplyAdvanced().apply_controlnet
    positive, _ = apply(positive, positive, control_net, hint, 0.8, 0, 1)
    empty = {"samples": torch.zeros(1, 8, 8, 8)}
    features = nodes["EncodeImage"].execute(model, positive, 1.0, 5, latent=empty).args[0]
    latent = nodes["MappingAbSMNetLatent"].execute(features, bridge, "last", 0, 1.0, 1.0, 1.0).args[0]
    image = nodes["Render"].execute(generator, latent, "const", 0, 1.0, "fp32", False).args[0]
    face = live.LiveFace(*models)
    request = live.Request(drawing, "mask", prompt, 5, 0.8)
    found, picture = face.finished(request, 0, 2.0)
    assert torch.allclose(found.ws, latent.ws, atol=1e-5)       # one batch row against the host's, in fp32
    assert torch.allclose(picture, image, atol=1e-4)
    side = max(256, image.shape[1])
    wanted = Image.fromarray((image[0] * 255).round().byte().numpy()).resize((side, side), Image.Resampling.BILINEAR)
    assert (pixels(face.face(request)).int() - pixels(wanted).int()).abs().float().mean() < 1.5


def test_words_drawing_seed_and_strength_change_the_face(live, models, drawing):
    face = live.LiveFace(*models)
    plain = live.Request(drawing, "mask", "a man", 1)
    shown = pixels(face.face(plain))
    assert torch.equal(pixels(face.face(plain)), shown)
    for other in (live.Request(drawing, "mask", "a woman with red hair", 1), live.Request("", "mask", "a man", 1),
                  live.Request(drawing, "mask", "a man", 2), live.Request(drawing, "mask", "a man", 1, 0.3)):
        assert not torch.equal(pixels(face.face(other)), shown)


def test_a_head_turns_without_being_read_again(live, nodes, drawing, monkeypatch):
    model, clip, _, control_net, generator, bridge = nodes["LoadDemoModels"].execute("3D head (EG3D)").args
    face = live.LiveFace(model, clip, control_net, bridge, generator)
    front = pixels(face.face(live.Request(drawing, "mask", "a man")))
    monkeypatch.setattr(face, "_read", None)                     # reading once more would fail
    side = pixels(face.face(live.Request(drawing, "mask", "a man", yaw=30.0)))
    assert face.turns and not torch.equal(front, side)
    assert torch.equal(pixels(face.face(live.Request(drawing, "mask", "a man"))), front)


@pytest.mark.parametrize("values", [
    {"drawing": 5}, {"prompt": None}, {"prompt": "a" * 2001}, {"seed": -1}, {"seed": 2 ** 64}, {"seed": 1.5},
    {"seed": True}, {"strength": float("nan")}, {"strength": -0.1}, {"yaw": "30"}, {"pitch": 91}, {"kind": ["mask"]},
])
def test_requests_out_of_range_are_refused(live, values):
    with pytest.raises(InputError):
        live.Request(**values)


def test_models_that_are_gone_are_said(live, nodes, drawing):
    model, clip, _, control_net, generator, bridge = nodes["LoadDemoModels"].execute().args
    face = live.LiveFace(model, clip, control_net, bridge, generator)
    del model, clip, control_net, generator, bridge
    gc.collect()
    import comfy.model_management

    comfy.model_management.unload_all_models()
    gc.collect()
    with pytest.raises(InputError, match="press Run once"):
        face.face(live.Request(drawing))


def test_sessions_have_names_of_their_own_and_old_ones_go(live):
    sessions = live.Sessions(most=2)
    names = [sessions.open(face) for face in ("a", "b", "c")]
    assert len(set(names)) == 3 and [sessions.find(name) for name in names[1:]] == ["b", "c"]
    for lost in (names[0], None, 3, "../x"):
        with pytest.raises(InputError, match="Press Run once"):
            sessions.find(lost)
