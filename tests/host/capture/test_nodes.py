"""The nodes themselves: same picture as core's nodes, clear errors, word flags that travel."""

import pytest
import torch

import ddgi.features


def execute(node, *args, **kwargs):
    """What the host does: run under inference mode, unpack the outputs."""
    with torch.inference_mode():
        return node.execute(*args, **kwargs).result


@pytest.fixture
def nodes(pack):
    return {node.GET_SCHEMA().node_id: node for module in (pack.nodes.capture, pack.nodes.prompt)
            for node in module.NODES}


@pytest.fixture(scope="module")
def clip(pack):
    """A small SD 1.x text encoder with core's own CLIP tokenizer."""
    import comfy.sd
    import comfy.sd1_clip

    class TinyClip(comfy.sd1_clip.SD1ClipModel):
        def __init__(self, device="cpu", dtype=None, model_options=None):
            sizes = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
                     "hidden_act": "quick_gelu", "max_position_embeddings": 77, "vocab_size": 49408,
                     "bos_token_id": 49406, "eos_token_id": 49407}
            torch.nn.Module.__init__(self)
            self.clip_name, self.clip = "l", "clip_l"
            self.clip_l = comfy.sd1_clip.SDClipModel(device=device, dtype=dtype, textmodel_json_config=sizes,
                                                     model_options=model_options or {})
            self.dtypes = {dtype}

    target = type("Target", (), {"clip": TinyClip, "tokenizer": comfy.sd1_clip.SD1Tokenizer, "params": {}})()
    built = comfy.sd.CLIP(target, embedding_directory=None)
    with torch.no_grad():
        for parameter in built.cond_stage_model.parameters():
            parameter.normal_(0, 0.1)
    return built


def test_extract_is_ksampler_with_features(nodes, tiny):
    import nodes as core

    inputs = core.KSampler.INPUT_TYPES()["required"]
    ours = {entry.id: entry for entry in nodes["DDGIFeatureExtract"].GET_SCHEMA().inputs}
    assert list(ours)[: len(inputs)] == list(inputs)
    for name, (kind, *options) in inputs.items():
        if isinstance(kind, list):
            assert list(ours[name].options) == kind
        for limit in {"default", "min", "max", "step", "round"} & set(options[0]):
            assert getattr(ours[name], limit) == options[0][limit], (name, limit)

    model, latent = tiny.model(), tiny.latent(size=(8, 8))
    prompts = tiny.prompt(), tiny.prompt(seed=2)
    got, features = execute(nodes["DDGIFeatureExtract"], model, 3, 3, 5.0, "euler", "normal", *prompts, latent, 1.0,
                            "every k-th", 2, "")
    assert torch.equal(got["samples"], tiny.sample(model, *prompts, latent, steps=3))
    assert features.step_numbers == (0, 2)


def test_tap_around_sampler_custom_advanced(nodes, tiny):
    from comfy_extras import nodes_custom_sampler as custom

    tapped, tap = execute(nodes["DDGIFeatureTap"], tiny.model(), "list", 1, "0, -1")
    latent = tiny.latent(size=(8, 8))
    with torch.inference_mode():
        sigmas = custom.BasicScheduler.execute(tapped, "karras", 4, 1.0).result[0]
        guider = custom.BasicGuider.execute(tapped, tiny.prompt()).result[0]
        noise = custom.RandomNoise.execute(1).result[0]
        sampler = custom.KSamplerSelect.execute("dpmpp_2m").result[0]
        output = custom.SamplerCustomAdvanced.execute(noise, guider, sampler, sigmas, latent).result[0]
    features, = execute(nodes["DDGICollectFeatures"], tap, output)
    assert features.step_numbers == (0, 3)
    assert features.steps[0].sigma == pytest.approx(float(sigmas[0]))


def test_without_a_choice_only_the_step_is_kept_that_a_bridge_reads(pack, nodes):
    def default(node, name):
        return next(entry.default for entry in node.GET_SCHEMA().inputs if entry.id == name)

    read = default(pack.nodes.bridge.MappingAbSMNetLatent, "step")
    assert {default(nodes[name], "capture_steps") for name in ("DDGIFeatureExtract", "DDGIFeatureTap")} == {read}


def test_collect_without_a_run_says_what_to_connect(pack, nodes, tiny):
    _, tap = execute(nodes["DDGIFeatureTap"], tiny.model(), "all", 1, "")
    with pytest.raises(ddgi.InputError, match="has not sampled anything. Connect the MODEL output"):
        execute(nodes["DDGICollectFeatures"], tap, tiny.latent())


def test_denoise_0_says_so_and_speaks_of_no_tap(pack, nodes, tiny):
    with pytest.raises(ddgi.InputError, match="denoise is 0: nothing is sampled") as refused:
        execute(nodes["DDGIFeatureExtract"], tiny.model(), 0, 4, 2.0, "euler", "normal", tiny.prompt(),
                tiny.prompt(seed=2), tiny.latent(size=(8, 8)), 0.0, "last", 5, "")
    assert "Tap" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "abc", "1.5"])
def test_unreadable_step_list(pack, nodes, tiny, text):
    with pytest.raises(ddgi.InputError, match="cannot read the steps"):
        execute(nodes["DDGIFeatureTap"], tiny.model(), "list", 1, text)


def test_encode_reads_one_noised_pass(pack, nodes, tiny):
    """Features of a noised latent equal a plain U-Net pass on x_t, ControlNet included."""
    import comfy.sample

    net = tiny.controlnet(size=(64, 64))
    model, calls = tiny.reference(tiny.model())
    latent = {"samples": torch.randn(2, 4, 8, 8)}
    features, = execute(nodes["DDGIEncodeImage"], model, tiny.prompt(control=net), 0.5, 11, latent=latent)
    assert len(calls) == 1
    step, = features.steps
    base = model.model
    sigma = base.model_sampling.sigma(torch.tensor(499.5))
    assert step.sigma == pytest.approx(float(sigma))
    assert torch.equal(step.h, calls[0]["h"])
    noised = base.process_latent_in(latent["samples"]) + sigma * comfy.sample.prepare_noise(latent["samples"], 11)
    plain = ddgi.features.capture_pass(base, noised, sigma.expand(2), tiny.prompt()[0][0].expand(2, -1, -1))
    assert plain.h.shape == step.h.shape
    assert not torch.allclose(plain.h, step.h, atol=1e-3)  # without the ControlNet
    free, = execute(nodes["DDGIEncodeImage"], model, tiny.prompt(), 0.5, 11, latent=latent)
    assert torch.allclose(plain.f[2], free.steps[0].f[2], atol=1e-5)


def test_encode_at_full_noise_ignores_the_picture(nodes, tiny):
    model = tiny.model()
    picture = {"samples": torch.randn(1, 4, 8, 8)}
    noisy, = execute(nodes["DDGIEncodeImage"], model, tiny.prompt(), 1.0, 4, latent=picture)
    empty, = execute(nodes["DDGIEncodeImage"], model, tiny.prompt(), 1.0, 4, latent=tiny.latent(size=(8, 8)))
    assert torch.equal(noisy.steps[0].h, empty.steps[0].h)
    assert noisy.steps[0].timestep == pytest.approx(999.0)


def test_encode_image_uses_the_vae(nodes, tiny):
    class Vae:
        def encode(self, pixels):
            assert pixels.shape == (1, 64, 64, 3)
            return pixels.mean(-1)[:, None, ::8, ::8].repeat(1, 4, 1, 1)

    features, = execute(nodes["DDGIEncodeImage"], tiny.model(), tiny.prompt(), 0.3, 0, vae=Vae(),
                        image=torch.rand(1, 64, 64, 4))
    assert features.layout.latent_size == (8, 8)


@pytest.mark.parametrize("inputs, words", [
    ({}, "got nothing"), ({"image": 1, "latent": 1}, "both an image and a latent"), ({"image": 1}, "no VAE")])
def test_encode_says_what_is_missing(pack, nodes, tiny, inputs, words):
    with pytest.raises(ddgi.InputError, match=words):
        execute(nodes["DDGIEncodeImage"], tiny.model(), tiny.prompt(), 0.5, 0, **inputs)


def test_prompt_marks_words(nodes, tiny, clip):
    conditioning, = execute(nodes["DDGIPrompt"], clip, "a smiling woman with (red:1.3) hair")
    words = conditioning[0][1]["ddgi_words"]
    assert words.shape == (1, 77)
    assert words[0].nonzero().flatten().tolist() == [1, 2, 3, 4, 5, 6]
    features, = execute(nodes["DDGIEncodeImage"], tiny.model(), conditioning, 0.5, 0, latent=tiny.latent(2, (8, 8)))
    assert features.words.tolist() == words.expand(2, -1).tolist()


def test_long_prompt_marks_words_in_every_chunk(nodes, clip):
    conditioning, = execute(nodes["DDGIPrompt"], clip, " ".join(["hair"] * 80))
    words = conditioning[0][1]["ddgi_words"]
    assert conditioning[0][0].shape[1] == words.shape[1] == 154
    assert words.sum() == 80
    assert not words[0, [0, 76, 77]].any()


def test_words_survive_controlnet_and_concat(nodes, tiny, clip):
    import nodes as core

    conditioning, = execute(nodes["DDGIPrompt"], clip, "red hair")
    with_net, _ = core.ControlNetApplyAdvanced().apply_controlnet(conditioning, conditioning, tiny.controlnet(),
                                                                  torch.rand(1, 64, 64, 3), 1.0, 0.0, 1.0)
    joined, = core.ConditioningConcat().concat(with_net, tiny.prompt())
    features, = execute(nodes["DDGIEncodeImage"], tiny.model(), joined, 0.5, 0, latent=tiny.latent(size=(8, 8)))
    assert features.words.shape == (1, 154)
    assert features.words[0, :77].nonzero().flatten().tolist() == [1, 2]
    assert features.words[0, 77:].sum() == 76  # the joined prompt's words are unknown: all but its first token


def test_empty_prompt_is_refused(pack, nodes, tiny, clip):
    conditioning, = execute(nodes["DDGIPrompt"], clip, "")
    with pytest.raises(ddgi.InputError, match="the prompt has no words"):
        execute(nodes["DDGIEncodeImage"], tiny.model(), conditioning, 0.5, 0, latent=tiny.latent(size=(8, 8)))
