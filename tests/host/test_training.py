"""The trainer in the real host: E equals the host's own way, and a recipe trains with the demo models."""

import importlib

import pytest
import torch

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


@pytest.mark.parametrize(("other", "words"), [("clip", "text encoder gives 32.*reads"), ("vae", "16 channels.*VAE of")])
def test_parts_of_another_checkpoint_are_named(pack, encoder, monkeypatch, other, words):
    if other == "vae":
        monkeypatch.setattr(encoder.vae, "latent_channels", 16)
    else:
        monkeypatch.setattr(encoder.clip, "encode_from_tokens", lambda *_, **__: (torch.zeros(1, 77, 32), None))
    with pytest.raises(pack.ddgi.InputError, match=words):
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
    assert result["report"]["generator"]["size"] == 64
    assert any(line.startswith("in all") for line in lines)
    bridge = pack.ddgi.load_bridge(out)
    assert bridge.config.generator_fingerprint == result["record"]["generator"]["fingerprint"]
    assert bridge.record["data"]["source"] == "generator samples"
    assert bridge.record["stages"]["modulation"]["step"] == 2


def test_a_celebamask_hq_folder_trains_through_its_own_source(pack, tmp_path):
    part(pack, "ddgi.training.data.celebamask").write_celebamask_hq(tmp_path / "data", range(6), resolution=64)
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
