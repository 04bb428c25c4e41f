"""Captured tensors equal an independent hook capture of the same U-Net calls (fp32, 1e-6)."""

import pytest
import torch

import ddgi.features


def run(pack, tiny, model, positive, negative, latent, **settings):
    """Sample with a tap over a watched model -> (latent, features, reference calls)."""
    watched, calls = tiny.reference(model)
    tap = pack.host.capture.run.FeatureTap(ddgi.features.StepSelection("all"))
    samples = tiny.sample(tap.attach(watched), positive, negative, latent, **settings)
    return samples, tap.features(), calls


def close(got, expected):
    """1e-6 of the largest absolute value: two fp32 ways of computing one number differ by rounding."""
    scale = expected.abs().max().clamp(min=1.0)
    assert got.shape == expected.shape
    assert (got - expected).abs().max() <= 1e-6 * scale


def check_step(step, layout, call, rows, tokens):
    close(step.h, call["h"][rows])
    for n, stage in enumerate(layout.stages):
        last = stage.blocks[-1]
        close(step.f[n], call["blocks"][last, 1][rows])  # position 1: the transformer, before any upsampler
        keys = [key for key in call["attention"] if key[0] in stage.blocks]
        size = step.f[n].shape[-2:]
        outputs = torch.stack([call["attention"][key][rows] for key in keys]).amax(0)
        close(step.attention[n], outputs.transpose(1, 2).unflatten(2, size))
        words = torch.stack([call["probabilities"][key][rows] for key in keys])  # [K, B, heads, HW, T]
        words = words.unflatten(-1, (-1, tokens)).sum(-2)
        close(step.word_mean[n], words.mean(dim=(0, 2)).transpose(1, 2).unflatten(2, size))
        close(step.word_max[n], words.amax(dim=(0, 2)).transpose(1, 2).unflatten(2, size))


def check_run(features, calls, batch, tokens):
    by_sigma = {}
    for call in calls:
        if 0 in call["options"]["cond_or_uncond"]:
            by_sigma[call["sigma"]] = call
    assert len(by_sigma) == len(features.steps)
    for step, call in zip(features.steps, by_sigma.values()):
        chunk = call["options"]["cond_or_uncond"].index(0)
        assert step.sigma == pytest.approx(call["sigma"])
        check_step(step, features.layout, call, slice(chunk * batch, (chunk + 1) * batch), tokens)


@pytest.fixture
def split(monkeypatch, pack):
    """Make core run every conditioning in a call of its own, as it does when memory is short."""
    import comfy.model_patcher

    monkeypatch.setattr(comfy.model_patcher.ModelPatcher, "get_free_memory", lambda self, device: 0)


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
@pytest.mark.parametrize("control", [False, True], ids=["plain", "controlnet"])
def test_cond_and_uncond_in_one_call(pack, tiny, family, control):
    net = tiny.controlnet(family) if control else None
    positive, negative = tiny.prompt(control=net), tiny.prompt(seed=2, control=net)
    samples, features, calls = run(pack, tiny, tiny.model(family), positive, negative, tiny.latent())
    assert [sorted(call["options"]["cond_or_uncond"]) for call in calls] == [[0, 1], [0, 1]]
    assert all((call["residual"] is not None) == control for call in calls)
    check_run(features, calls, 1, 77)


def test_cond_only(pack, tiny):
    _, features, calls = run(pack, tiny, tiny.model(), tiny.prompt(), tiny.prompt(seed=2), tiny.latent(), cfg=1.0)
    assert [call["options"]["cond_or_uncond"] for call in calls] == [[0], [0]]
    check_run(features, calls, 1, 77)


def test_split_chunks(pack, tiny, split):
    _, features, calls = run(pack, tiny, tiny.model(), tiny.prompt(), tiny.prompt(seed=2), tiny.latent())
    assert sorted(call["options"]["cond_or_uncond"] for call in calls) == [[0], [0], [1], [1]]
    check_run(features, calls, 1, 77)


@pytest.mark.parametrize("lengths", [(154, 154), (154, 77), (77, 154), (231, 154)])
def test_prompt_lengths(pack, tiny, lengths):
    positive, negative = tiny.prompt(lengths[0]), tiny.prompt(lengths[1], seed=2)
    _, features, calls = run(pack, tiny, tiny.model(), positive, negative, tiny.latent())
    assert features.words.shape == (1, lengths[0])
    check_run(features, calls, 1, lengths[0])


def test_batch_and_tall_latent(pack, tiny):
    latent = tiny.latent(batch=3, size=(16, 24))
    net = tiny.controlnet(size=(128, 192))
    positive, negative = tiny.prompt(control=net), tiny.prompt(seed=2, control=net)
    _, features, calls = run(pack, tiny, tiny.model(), positive, negative, latent)
    assert features.batch_size == 3
    assert features.layout.latent_size == (16, 24)
    check_run(features, calls, 3, 77)


def test_odd_latent_size(pack, tiny):
    _, features, calls = run(pack, tiny, tiny.model(), tiny.prompt(), tiny.prompt(seed=2), tiny.latent(size=(13, 18)))
    assert [f.shape[-2:] for f in features.steps[0].f] == [(4, 5), (7, 9), (13, 18)]
    check_run(features, calls, 1, 77)


def _replacement(q, k, v, options):
    """Another pack's attention: softmax(QK^T)V over the first half of the tokens, and doubled."""
    heads = options["n_heads"]
    q, k, v = (t.unflatten(2, (heads, -1)).transpose(1, 2) for t in (q, k[:, :40], v[:, :40]))
    out = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1) @ v
    return 2.0 * out.transpose(1, 2).flatten(2)


def _replace_attention(model):
    replaced = model.clone()
    for block in range(6):
        replaced.set_model_attn2_replace(_replacement, "output", block)
    return replaced


@pytest.mark.parametrize("order", ["before", "after"])
def test_another_attn2_replacement(pack, tiny, order):
    model = tiny.model()
    tap = pack.host.capture.run.FeatureTap(ddgi.features.StepSelection("all"))
    watched, calls = tiny.reference(model)
    tapped = tap.attach(_replace_attention(watched)) if order == "before" else _replace_attention(tap.attach(watched))
    prompts = tiny.prompt(), tiny.prompt(seed=2)
    got = tiny.sample(tapped, *prompts, tiny.latent())
    assert torch.equal(got, tiny.sample(_replace_attention(model), *prompts, tiny.latent()))
    assert not torch.equal(got, tiny.sample(model, *prompts, tiny.latent()))
    check_run(tap.features(), calls, 1, 77)


def _foreign_patches(model):
    """Attention override, context scaling, split self-attention and feature scaling, as other packs do them."""
    patched = model.clone()

    def override(original, *args, **kwargs):
        return original(*args, **kwargs) * 1.25

    def tile(n, context, value, options):
        parts = [t.reshape(t.shape[0] * 2, t.shape[1] // 2, t.shape[2]) for t in (n, context, value)]
        return tuple(parts)

    def untile(n, options):
        return n.reshape(n.shape[0] // 2, n.shape[1] * 2, n.shape[2])

    patched.model_options["transformer_options"]["optimized_attention_override"] = override
    patched.set_model_attn1_patch(tile)
    patched.set_model_attn1_output_patch(untile)
    patched.set_model_attn2_output_patch(lambda n, options: n * 0.9)
    patched.set_model_output_block_patch(lambda h, skip, options: (h * 1.1, skip * 0.9))
    return patched


def test_patches_of_other_packs(pack, tiny):
    model = _foreign_patches(tiny.model())
    samples, features, calls = run(pack, tiny, model, tiny.prompt(), tiny.prompt(seed=2), tiny.latent())
    check_run(features, calls, 1, 77)
    assert torch.equal(samples, tiny.sample(model, tiny.prompt(), tiny.prompt(seed=2), tiny.latent()))


def test_weights_cast_as_they_are_used(pack, tiny):
    """Low-VRAM and fp8 loading keep weights elsewhere or smaller and cast them inside every layer's call."""
    _, features, calls = run(pack, tiny, tiny.model(cast=True), tiny.prompt(), tiny.prompt(seed=2), tiny.latent())
    assert features.steps[0].h.dtype == torch.float32
    check_run(features, calls, 1, 77)


def test_lora(pack, tiny):
    model = tiny.model()
    plain = tiny.sample(model, tiny.prompt(), tiny.prompt(seed=2), tiny.latent())
    with_lora = model.clone()
    names = [name for name in model.model_state_dict() if "output_blocks" in name and "attn2.to_" in name]
    names = [name for name in names if name.endswith("weight")]
    with_lora.add_patches({name: (torch.randn_like(model.model_state_dict()[name]),) for name in names}, 0.1)
    samples, features, calls = run(pack, tiny, with_lora, tiny.prompt(), tiny.prompt(seed=2), tiny.latent())
    check_run(features, calls, 1, 77)
    assert not torch.equal(samples, plain)


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
def test_latent_is_bit_identical(pack, tiny, family):
    net = tiny.controlnet(family)
    positive, negative = tiny.prompt(control=net), tiny.prompt(seed=2, control=net)
    model = tiny.model(family)
    plain = tiny.sample(model, positive, negative, tiny.latent(batch=2), steps=3)
    samples, features, _ = run(pack, tiny, model, positive, negative, tiny.latent(batch=2), steps=3)
    assert torch.equal(plain, samples)
    assert features.step_numbers == (0, 1, 2)


def test_single_pass_equals_its_row_in_a_run(pack, tiny):
    """`capture_pass`, which training uses, reads the same numbers as a sampling run."""
    model = tiny.model()
    positive = tiny.prompt()
    _, features, calls = run(pack, tiny, model, positive, tiny.prompt(seed=2), tiny.latent(), cfg=1.0, steps=1)
    sigma = torch.tensor([features.steps[0].sigma])
    import comfy.sample

    noise = comfy.sample.prepare_noise(tiny.latent()["samples"], 3)
    noised = model.model.model_sampling.noise_scaling(sigma, noise, torch.zeros_like(noise), True)
    single = ddgi.features.capture_pass(model.model, noised, sigma, positive[0][0])
    close(single.h, features.steps[0].h)
    for got, expected in zip((*single.f, *single.attention, *single.word_max), (
            *features.steps[0].f, *features.steps[0].attention, *features.steps[0].word_max)):
        close(got, expected)
    assert single.timestep == features.steps[0].timestep
