"""The trainer in the real host: E equals the host's own way, and a recipe trains with the demo models."""

import importlib

import pytest
import torch

import ddgi

PROMPTS = ["a smiling woman with long red hair", "a man with glasses"]
RECIPE = """
held_out_share = 0.2
held_out = 2
evaluate_every = 2
[models]
cfg = 2.0
steps = 2
[data]
source = "generator"
grammar = "head-world"
count = 8
[features]
own_images = 2
statistics = 2
[bridge]
mapping_width = 16
head_width = 16
modulation_width = 8
[mapping]
steps = 2
batch = 2
[modulation]
steps = 2
batch = 2
"""


def part(pack, name):
    return importlib.import_module(f"{pack.__name__}.{name}")


@pytest.fixture(scope="module")
def encoder(pack):
    recipe = part(pack, "host.training.recipe")
    return recipe.open_encoder(recipe.ModelTable(steps=2, cfg=2.0))


@pytest.fixture(scope="module")
def seen():
    """Two pictures and hints."""
    draw = torch.Generator().manual_seed(0)
    return torch.rand(2, 3, 64, 64, generator=draw) * 2 - 1, torch.rand(2, 3, 64, 64, generator=draw)


def test_a_pass_equals_the_encode_node_with_the_same_noise(pack, encoder, seen):
    images, hints = seen
    features, words = encoder.encode(images[:1], PROMPTS[:1], hints[:1], torch.tensor([500]), [7])
    import nodes as core_nodes

    positive = part(pack, "nodes.prompt").Prompt.execute(encoder.clip, PROMPTS[0]).args[0]
    positive = core_nodes.ControlNetApplyAdvanced().apply_controlnet(
        positive, positive, encoder.control_net, hints[:1].movedim(1, -1), 1.0, 0.0, 1.0)[0]
    latent = encoder.vae.encode((images[:1].movedim(1, -1) + 1) / 2)
    expected = part(pack, "host.capture.encode").encode_latent(encoder.model, positive, latent, 500 / 999, seed=7)
    step = expected.select("last")
    assert torch.equal(words, expected.words)
    for maps in (lambda s: s.h, lambda s: s.f[-1], lambda s: s.attention[0], lambda s: s.word_mean[0]):
        assert torch.allclose(maps(features), maps(step), atol=1e-4)  # sigma goes through log and exp once more
    assert not torch.allclose(features.h, encoder.encode(images[:1], PROMPTS[:1], hints[1:], torch.tensor([500]),
                                                         [7])[0].h, atol=1e-2)  # the ControlNet sees the hint


def test_a_row_does_not_depend_on_its_batch(encoder, seen):
    images, hints = seen
    steps = torch.tensor([20, 900])
    both, _ = encoder.encode(images, PROMPTS, hints, steps, [1, 2])
    second, _ = encoder.encode(images[1:], PROMPTS[1:], hints[1:], steps[1:], [2])
    assert torch.allclose(both.f[0][1:], second.f[0], atol=1e-4)  # sums in another order
    together, alone = encoder.finish(PROMPTS, hints, [3, 4]), encoder.finish(PROMPTS[1:], hints[1:], [4])
    assert together.shape == (2, 3, 64, 64)
    assert torch.allclose(together[1:], alone, atol=1e-3)


def test_a_row_without_a_hint_goes_without_the_control_net(encoder, seen):
    images, hints = seen
    some, steps = [None, hints[1]], torch.tensor([500, 500])
    features, _ = encoder.encode(images, PROMPTS, some, steps, [1, 2])
    without = type(encoder)(encoder.model, encoder.clip, encoder.vae, steps=2, cfg=2.0)
    plain, _ = without.encode(images, PROMPTS, [None, None], steps, [1, 2])
    hinted, _ = encoder.encode(images, PROMPTS, hints, steps, [1, 2])
    for maps in (lambda s: s.h, lambda s: s.f[0]):
        assert torch.equal(maps(features)[:1], maps(plain)[:1])
        assert torch.equal(maps(features)[1:], maps(hinted)[1:])
        assert not torch.allclose(maps(plain)[1:], maps(hinted)[1:], atol=1e-2)
    assert torch.equal(encoder.encode(images, PROMPTS, [None, None], steps, [1, 2])[0].h, plain.h)
    pictures = encoder.finish(PROMPTS, some, [3, 4])
    alone = without.finish(PROMPTS[:1], [None], [3]), encoder.finish(PROMPTS[1:], hints[1:], [4])
    assert torch.allclose(pictures, torch.cat(alone), atol=1e-3)


def described(encoder, **parts):
    """What an encoder with other parts or settings says of itself."""
    given = {"model": encoder.model, "clip": encoder.clip, "vae": encoder.vae, "control_net": encoder.control_net,
             "steps": 2, "cfg": 2.0, **parts}
    return type(encoder)(**given).describe()


def changed(parameters, scale):
    """The first of them times `scale`, in its place."""
    with torch.no_grad():
        next(iter(parameters)).mul_(scale)


def test_frozen_models_are_told_by_weights_and_settings(encoder):
    before = described(encoder)
    assert described(encoder) == before and before["weights"].keys() == {"model", "clip", "vae", "control_net"}
    assert described(encoder, strength=0.5) == {**before, "strength": 0.5}
    assert described(encoder, control_net=None)["weights"].keys() == {"model", "clip", "vae"}
    networks = {"model": encoder.model.model, "clip": encoder.clip.cond_stage_model,
                "vae": encoder.vae.first_stage_model, "control_net": encoder.control_net.control_model}
    for name, network in networks.items():
        changed(network.parameters(), 2.0)
        other = described(encoder)["weights"]
        changed(network.parameters(), 0.5)  # powers of two change no bit of the rest
        assert {key for key, value in other.items() if value != before["weights"][key]} == {name}


def test_a_patched_model_is_another_one(encoder):
    key = next(key for key in encoder.model.model_state_dict() if key.endswith("input_blocks.0.0.weight"))
    weight = encoder.model.model_state_dict()[key]
    weights = []
    for strength in (0.5, 1.0):
        patched = encoder.model.clone()
        assert patched.add_patches({key: ("diff", (torch.ones_like(weight),))}, strength) == [key]
        weights.append(described(encoder, model=patched)["weights"]["model"])
    assert len({*weights, described(encoder)["weights"]["model"]}) == 3


@pytest.mark.parametrize(("other", "words"), [("clip", "text encoder gives 32.*reads"), ("vae", "16 channels.*VAE of")])
def test_parts_of_another_checkpoint_are_named(pack, encoder, monkeypatch, other, words):
    if other == "vae":
        monkeypatch.setattr(encoder.vae, "latent_channels", 16)
    else:
        monkeypatch.setattr(encoder.clip, "encode_from_tokens", lambda *_, **__: (torch.zeros(1, 77, 32), None))
    with pytest.raises(ddgi.InputError, match=words):
        type(encoder)(encoder.model, encoder.clip, encoder.vae)


def test_perceptual_features_pass_gradients_even_for_weights_made_in_inference_mode(encoder, seen):
    image = seen[0].clone().requires_grad_(True)
    sum(x.square().mean() for x in encoder.perceptual()(image)).backward()
    assert image.grad.abs().max() > 0


def test_a_recipe_trains_and_its_bridge_loads(pack, tmp_path):
    recipe, out = tmp_path / "recipe.toml", tmp_path / "bridge.safetensors"
    recipe.write_text(RECIPE)
    lines, watch = [], part(pack, "ddgi.training.watch")
    result = part(pack, "host.training.recipe").run(recipe, tmp_path / "run", out, watch.Watch(report=lines.append))
    assert result["report"]["steps"] == {"mapping": 2, "modulation": 2}
    assert result["report"]["generator"]["size"] == 256
    assert any(line.startswith("in all") for line in lines)
    bridge = ddgi.load_bridge(out)
    assert bridge.config.generator_fingerprint == result["record"]["generator"]["fingerprint"]
    assert bridge.record["data"]["source"] == "generator samples"
    assert bridge.record["stages"]["modulation"]["step"] == 2


def test_a_celebamask_hq_folder_trains_through_its_own_source(pack, tmp_path):
    part(pack, "ddgi.training.data.celebamask").write_celebamask_hq(tmp_path / "data", range(6), resolution=128)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE.replace('source = "generator"\ngrammar = "head-world"\ncount = 8',
                                     f'source = "celebamask-hq"\nroot = "{(tmp_path / "data").as_posix()}"'))
    result = part(pack, "host.training.recipe").run(recipe, tmp_path / "run", tmp_path / "bridge.safetensors",
                                                  part(pack, "ddgi.training.watch").Watch())
    assert result["problems"] == []
    assert result["record"]["data"]["source"] == "CelebAMask-HQ"
    assert result["record"]["data"]["items"] == 6
    # Photographs have no known latents: M learned from pictures alone, and its held-out score says so.
    assert result["record"]["stages"]["mapping"]["held_out"]["known_w"] == 0
    assert result["record"]["stages"]["mapping"]["held_out"]["pixel"] > 0


@pytest.mark.parametrize(("table", "words"), [
    ({"checkpoint": "no.safetensors"}, "There is no file 'no.safetensors'"),
    ({"checkpoint": "FILE"}, "cannot be used as a checkpoint"), ({"vae": "FILE"}, "cannot be used as a VAE"),
    ({"vae": "JUDGES"}, "cannot be used as a VAE"), ({"control_net": "FILE"}, "cannot be used as a ControlNet"),
    ({"control_net": "JUDGES"}, "no ControlNet"), ({"checkpoint": "JUDGES"}, "cannot be used as a checkpoint"),
    ({"sampler": "eular"}, "sampler is 'eular'; choose from euler"), ({"cfg": float("inf")}, "cfg is inf"),
    ({"steps": 10 ** 9}, "steps is 1000000000"), ({"size": 10 ** 9}, "size is 1000000000")])
def test_wrong_files_and_settings_of_models_are_sentences(pack, tmp_path, table, words):
    recipe, folders = part(pack, "host.training.recipe"), part(pack, "host.folders")
    (tmp_path / "cut.safetensors").write_bytes((folders.DEMO / "judges.safetensors").read_bytes()[:1000])
    files = {"FILE": str(tmp_path / "cut.safetensors"), "JUDGES": str(folders.DEMO / "judges.safetensors")}
    with pytest.raises(ddgi.InputError, match=words):
        recipe.open_encoder(recipe.ModelTable(**{key: files.get(value, value) for key, value in table.items()}))
