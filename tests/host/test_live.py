"""A face in one pass for a painter, on the demo models."""

import base64
import gc
import importlib

import numpy as np
import pytest
import torch
from PIL import Image

from ddgi.errors import InputError
from ddgi.painting import PREFIX


@pytest.fixture(scope="module")
def live(pack):
    return importlib.import_module(f"{pack.__name__}.host.live.painting")


@pytest.fixture(scope="module")
def models(nodes):
    """model, clip, control_net, bridge, generator of the demo's 2D set."""
    model, clip, _, control_net, generator, bridge = nodes["LoadDemoModels"].execute().args
    return model, clip, control_net, bridge, generator


@pytest.fixture(scope="module")
def drawing(pack):
    data = (pack.host.folders.EXAMPLES / "mask_hat.png").read_bytes()
    return PREFIX + base64.b64encode(data).decode()


@pytest.fixture(scope="module")
def sessions(pack):
    return importlib.import_module(f"{pack.__name__}.host.live.sessions")


@pytest.fixture(scope="module")
def shaping(pack):
    return importlib.import_module(f"{pack.__name__}.host.live.shaping")


def asked(live, drawing, kind="mask", prompt="", seed=0, strength=1.0, **view):
    return live.PaintRequest(drawing=drawing, kind=kind, prompt=prompt, seed=seed, strength=strength, **view)


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
    request = asked(live, drawing, "mask", prompt, 5, 0.8)
    found, picture = face.finished(request, 0, 2.0)
    assert torch.allclose(found.ws, latent.ws, atol=1e-5)       # one batch row against the host's, in fp32
    assert torch.allclose(picture, image, atol=1e-4)
    side = max(256, image.shape[1])
    wanted = Image.fromarray((image[0] * 255).round().byte().numpy()).resize((side, side), Image.Resampling.BILINEAR)
    assert (pixels(face.picture(request)).int() - pixels(wanted).int()).abs().float().mean() < 1.5


def test_words_drawing_seed_and_strength_change_the_face(live, models, drawing):
    face = live.LiveFace(*models)
    plain = asked(live, drawing, "mask", "a man", 1)
    shown = pixels(face.picture(plain))
    assert torch.equal(pixels(face.picture(plain)), shown)
    for other in (asked(live, drawing, "mask", "a woman with red hair", 1), asked(live, "", "mask", "a man", 1),
                  asked(live, drawing, "mask", "a man", 2), asked(live, drawing, "mask", "a man", 1, 0.3)):
        assert not torch.equal(pixels(face.picture(other)), shown)


def test_a_head_turns_without_being_read_again(live, nodes, drawing, monkeypatch):
    model, clip, _, control_net, generator, bridge = nodes["LoadDemoModels"].execute("3D head (EG3D)").args
    face = live.LiveFace(model, clip, control_net, bridge, generator)
    front = pixels(face.picture(asked(live, drawing, "mask", "a man")))
    monkeypatch.setattr(face, "latent", None)                    # reading once more would fail
    side = pixels(face.picture(asked(live, drawing, "mask", "a man", yaw=30.0)))
    assert face.turns and not torch.equal(front, side)
    assert torch.equal(pixels(face.picture(asked(live, drawing, "mask", "a man"))), front)


@pytest.mark.parametrize("values", [
    {"drawing": 5}, {"prompt": None}, {"prompt": "a" * 2001}, {"seed": -1}, {"seed": 2 ** 64}, {"seed": 1.5},
    {"seed": True}, {"strength": float("nan")}, {"strength": -0.1}, {"yaw": "30"}, {"pitch": 91}, {"kind": ["mask"]},
    {"radius": -1}, {"fov": 181}, {"pivot_x": None}, {"roll": float("inf")},
])
def test_requests_out_of_range_are_refused(live, values):
    with pytest.raises(InputError):
        live.PaintRequest(**values)


def test_models_that_are_gone_are_said(live, nodes, drawing):
    model, clip, _, control_net, generator, bridge = nodes["LoadDemoModels"].execute().args
    face = live.LiveFace(model, clip, control_net, bridge, generator)
    del model, clip, control_net, generator, bridge
    gc.collect()
    import comfy.model_management

    comfy.model_management.unload_all_models()
    gc.collect()
    with pytest.raises(InputError, match="press Run once"):
        face.picture(asked(live, drawing))


def test_sessions_have_names_of_their_own_and_old_ones_go(sessions):
    sessions = sessions.Sessions(most=2)
    names = [sessions.open(face) for face in ("a", "b", "c")]
    assert len(set(names)) == 3 and [sessions.find(name) for name in names[1:]] == ["b", "c"]
    for lost in (names[0], None, 3, "../x"):
        with pytest.raises(InputError, match="Press Run once"):
            sessions.find(lost)


def test_sliders_make_the_face_that_edit_face_and_render_make(shaping, sessions, nodes, models):
    generator = models[-1]
    latent = nodes["RandomFace"].execute(generator, 8, 2, 0.7, 0).args[0]
    method = {"method": "from the weights (SeFa)", "count": 2, "first": 0, "layers": "all"}
    one, other = nodes["FindDirections"].execute(generator, method).args[0]
    run = nodes["EditFace"].execute(latent, direction_2=one, strength_2=0.5, direction_4=other, generator=generator)
    assert run.ui["ddgi_sliders"] == [["strength_2", one.name], ["strength_4", other.name]]
    session = sessions.SESSIONS.find(run.ui["ddgi_live"][0])
    wanted = nodes["EditFace"].execute(latent, direction_2=one, strength_2=-1.0, direction_4=other, strength_4=2.0)
    image = nodes["Render"].execute(generator, wanted.args[0], "const", 0, 1.0, "fp32", False).args[0]
    found = pixels(session.picture(session.request({"strengths": [-1.0, 2.0]}))) / 255
    assert (found - image[0]).abs().max() < 1 / 255 + 1e-4           # bytes round down
    with pytest.raises(InputError, match="1 strengths were sent for 2 directions"):
        session.picture(session.request({"strengths": [1.0]}))
    for bad in ({"strengths": 1}, {"strengths": ["1", 0]}, {"strengths": [21, 0]}, {"prompt": "a"}):
        with pytest.raises(InputError):
            session.request(bad)


def test_a_rendered_head_turns_as_render_draws_it(sessions, nodes):
    *_, generator, _ = nodes["LoadDemoModels"].execute("3D head (EG3D)").args
    latent = nodes["RandomFace"].execute(generator, 8, 2, 0.7, 0).args[0]

    def rendered(camera):
        return nodes["Render"].execute(generator, latent, "const", 0, 0.8, "fp32", False, cameras=camera)

    run = rendered(None)
    session = sessions.SESSIONS.find(run.ui["ddgi_live"][0])
    camera = nodes["CameraNode"].execute(30.0, 10.0, 5.0, 2.9, 15.0, 0.0, 0.0, 0.1).args[0]
    view = {"yaw": 30, "pitch": 10, "roll": 5, "radius": 2.9, "fov": 15, "pivot_x": 0, "pivot_y": 0, "pivot_z": 0.1}
    found = pixels(session.picture(session.request(view)))
    image = rendered(camera).args[0][0]
    wanted = Image.fromarray((image * 255).round().byte().numpy()).resize((256, 256), Image.Resampling.BILINEAR)
    assert session.turns and (found.int() - pixels(wanted).int()).abs().float().mean() < 1.5


def test_a_face_that_cannot_turn_opens_nothing(nodes, models):
    latent = nodes["RandomFace"].execute(models[-1], 8, 1, 0.7, 0).args[0]
    assert nodes["Render"].execute(models[-1], latent, "const", 0, 1.0, "fp32", False).ui is None
