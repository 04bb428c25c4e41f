"""Whole sampling runs: which steps, which prompt, fresh starts, and nothing left behind."""

import pytest
import torch

import ddgi.features


@pytest.fixture
def new_tap(pack):
    def build(steps="all"):
        return pack.host.capture.run.FeatureTap(ddgi.features.StepSelection.parse(steps))
    return build


@pytest.fixture
def prompts(tiny):
    return tiny.prompt(), tiny.prompt(seed=2)


def hooks_and_patches(model):
    """Everything a capture could leave on the network or on the ModelPatcher."""
    modules = list(model.model.diffusion_model.modules())
    hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in modules)
    wrappers = sum(len(entries) for kind in model.wrappers.values() for entries in kind.values())
    return hooks, wrappers, model.model_options["transformer_options"]


@pytest.mark.parametrize("steps, expected", [("all", (0, 1, 2, 3, 4)), ("last", (4,)), ("every 3", (0, 3, 4)),
                                             ("every 2", (0, 2, 4)), ("0, -2", (0, 3)), ("-1 0 4", (0, 4))])
def test_chosen_steps(tiny, new_tap, prompts, steps, expected):
    tap = new_tap(steps)
    tiny.sample(tap.attach(tiny.model()), *prompts, tiny.latent(size=(8, 8)), steps=5)
    features = tap.features()
    assert features.step_numbers == expected
    assert all(a.sigma > b.sigma for a, b in zip(features.steps, features.steps[1:]))
    assert all(a.timestep > b.timestep for a, b in zip(features.steps, features.steps[1:]))


def test_step_outside_the_run_is_refused_before_sampling(pack, tiny, new_tap, prompts):
    model, calls = tiny.reference(tiny.model())
    with pytest.raises(ddgi.InputError, match="step 9 was asked for but the run has 5 steps"):
        tiny.sample(new_tap("0, 9").attach(model), *prompts, tiny.latent(size=(8, 8)), steps=5)
    assert not calls


def test_denoise_counts_the_steps_that_run(tiny, new_tap, prompts):
    tap = new_tap()
    tiny.sample(tap.attach(tiny.model()), *prompts, tiny.latent(size=(8, 8)), steps=3, denoise=0.4)
    assert tap.features().step_numbers == (0, 1, 2)
    assert tap.features().steps[0].timestep < 450


@pytest.mark.parametrize("sampler, calls_per_step", [("euler", 1), ("heun", 2), ("dpm_2", 2), ("dpmpp_sde", 2),
                                                     ("uni_pc", 1), ("ddim", 1), ("lcm", 1)])
def test_samplers_that_call_the_model_more_than_once(tiny, new_tap, prompts, sampler, calls_per_step):
    """Step i holds the call whose picture the sampler reports at step i; the latent stays bit-identical."""
    model, calls = tiny.reference(tiny.model())
    tap = new_tap()
    latent = tiny.latent(size=(8, 8))
    samples = tiny.sample(tap.attach(model), *prompts, latent, steps=4, sampler=sampler)
    features = tap.features()
    assert features.step_numbers == (0, 1, 2, 3)
    assert len(calls) in (4 * calls_per_step, 4 * calls_per_step - 1)
    for step in features.steps:
        own = [call for call in calls if call["sigma"] == pytest.approx(step.sigma, rel=1e-4)]
        row = own[-1]["options"]["cond_or_uncond"].index(0)
        assert torch.equal(step.h, own[-1]["h"][row: row + 1])  # the last call at this level is the step's own
    assert torch.equal(samples, tiny.sample(tiny.model(), *prompts, latent, steps=4, sampler=sampler))


def test_churn_counts_for_the_step_in_progress(pack, tiny, new_tap, prompts):
    import comfy.sample
    import comfy.samplers

    tap = new_tap()
    guider = comfy.samplers.CFGGuider(tap.attach(tiny.model()))
    guider.set_conds(*prompts)
    sigmas = torch.tensor([14.0, 6.0, 2.0, 0.5, 0.0])
    latent = tiny.latent(size=(8, 8))["samples"]
    sampler = comfy.samplers.ksampler("euler", {"s_churn": 1.0})
    with torch.inference_mode():
        guider.sample(comfy.sample.prepare_noise(latent, 0), latent, sampler, sigmas, disable_pbar=True, seed=0)
    features = tap.features()
    assert features.step_numbers == (0, 1, 2, 3)
    assert all(1.0 < step.sigma / float(sigmas[step.step]) < 1.42 for step in features.steps)


def test_sampler_with_levels_of_its_own_is_named(pack, tiny, new_tap, prompts):
    tap = new_tap("last")
    tiny.sample(tap.attach(tiny.model()), *prompts, tiny.latent(size=(8, 8)), steps=5, sampler="dpm_fast")
    with pytest.raises(ddgi.InputError, match="never showed step 4 of 5"):
        tap.features()


def test_extra_guidance_passes_do_not_replace_the_prompt(tiny, new_tap, prompts):
    """As PAG and SAG do: a second conditional pass, disturbed, after the first."""
    import comfy.samplers

    plain, guided = new_tap(), new_tap()
    model = tiny.model()
    latent = tiny.latent(size=(8, 8))

    def disturb(args):
        noise = args["input"] + 1.0
        comfy.samplers.calc_cond_batch(args["model"], [args["cond"]], noise, args["sigma"], args["model_options"])
        return args["denoised"]

    tiny.sample(plain.attach(model), *prompts, latent)
    disturbed = guided.attach(model)
    disturbed.set_model_sampler_post_cfg_function(disturb)
    tiny.sample(disturbed, *prompts, latent)
    for a, b in zip(plain.features().steps, guided.features().steps):
        assert torch.equal(a.h, b.h)


def test_several_prompts_read_the_first_one(tiny, new_tap):
    model, calls = tiny.reference(tiny.model())
    tap = new_tap()
    positive = tiny.prompt() + tiny.prompt(seed=7)
    tiny.sample(tap.attach(model), positive, tiny.prompt(seed=2), tiny.latent(size=(8, 8)), steps=1)
    single = new_tap()
    tiny.sample(single.attach(model), tiny.prompt(), tiny.prompt(seed=2), tiny.latent(size=(8, 8)), steps=1)
    assert sorted(calls[0]["options"]["cond_or_uncond"]) == [0, 0, 1]
    assert (tap.features().steps[0].h - single.features().steps[0].h).abs().max() < 1e-4


def test_area_prompt_gives_its_area(tiny, new_tap):
    tap = new_tap()
    positive = tiny.prompt(area=(8, 16, 0, 0)) + tiny.prompt(seed=7)
    tiny.sample(tap.attach(tiny.model()), positive, tiny.prompt(seed=2), tiny.latent(size=(16, 16)), steps=1)
    assert tap.features().steps[0].f[-1].shape[-2:] == (8, 16)
    assert tap.features().layout.latent_size == (8, 16)


def test_prompt_that_changes_during_the_run(pack, tiny, new_tap):
    """Each step reads the prompt that is active; features of two prompts are not mixed in one value."""
    first = tiny.prompt(start_percent=0.0, end_percent=0.5)
    second = tiny.prompt(154, seed=7, start_percent=0.5, end_percent=1.0)
    latent = tiny.latent(size=(8, 8))
    late = new_tap("last")
    tiny.sample(late.attach(tiny.model()), first + second, tiny.prompt(seed=2), latent, steps=4)
    assert late.features().words.shape == (1, 154)
    model, calls = tiny.reference(tiny.model())
    with pytest.raises(ddgi.InputError, match="positive prompt changes between steps 0 and 2"):
        tiny.sample(new_tap("all").attach(model), first + second, tiny.prompt(seed=2), latent, steps=4)
    assert not calls


@pytest.mark.parametrize("start, end, steps, message", [
    (0.0, 0.5, "last", "step 3 of 4 .* in use in steps 0 to 1;"), (0.3, 1.0, "all", "step 0 of 4 .* steps 1 to 3;"),
    (0.9, 0.91, "all", "step 0 of 4 .* in use in none of them;"),
])
def test_step_without_a_prompt_is_refused_before_sampling(pack, tiny, new_tap, start, end, steps, message):
    """The sampler is not to blame: the prompt's range ends before the step, or begins after it."""
    model, calls = tiny.reference(tiny.model())
    positive = tiny.prompt(start_percent=start, end_percent=end)
    with pytest.raises(ddgi.InputError, match=message):
        tiny.sample(new_tap(steps).attach(model), positive, tiny.prompt(seed=2), tiny.latent(size=(8, 8)), steps=4)
    assert not calls


def test_steps_inside_the_prompts_range_are_read(tiny, new_tap):
    tap = new_tap("0, 1")
    positive = tiny.prompt(start_percent=0.0, end_percent=0.5)
    tiny.sample(tap.attach(tiny.model()), positive, tiny.prompt(seed=2), tiny.latent(size=(8, 8)), steps=4)
    assert tap.features().step_numbers == (0, 1)


def test_dual_cfg_guider_reads_its_positive_prompt(tiny, new_tap):
    import comfy.sample
    import comfy.samplers
    from comfy_extras.nodes_custom_sampler import Guider_DualCFG

    model, calls = tiny.reference(tiny.model())
    tap = new_tap()
    guider = Guider_DualCFG(tap.attach(model))
    guider.set_conds(tiny.prompt(), tiny.prompt(seed=4), tiny.prompt(seed=2))
    guider.set_cfg(3.0, 2.0)
    latent = tiny.latent(size=(8, 8))["samples"]
    with torch.inference_mode():
        guider.sample(comfy.sample.prepare_noise(latent, 0), latent, comfy.samplers.sampler_object("euler"),
                      torch.tensor([14.0, 1.0, 0.0]), disable_pbar=True, seed=0)
    row = calls[0]["options"]["cond_or_uncond"].index(2)  # this guider lists its positive prompt third
    assert torch.equal(tap.features().steps[0].h, calls[0]["h"][row: row + 1])


def test_second_run_starts_fresh(tiny, new_tap, prompts):
    tap = new_tap()
    model = tap.attach(tiny.model())
    tiny.sample(model, *prompts, tiny.latent(size=(8, 8)), steps=4)
    first = tap.features()
    tiny.sample(model, *prompts, tiny.latent(batch=2, size=(8, 16)), steps=2)
    second = tap.features()
    assert (first.step_numbers, first.batch_size) == ((0, 1, 2, 3), 1)
    assert (second.step_numbers, second.batch_size, second.layout.latent_size) == ((0, 1), 2, (8, 16))


def test_skipped_attention_layer_is_an_error(pack, tiny, new_tap, prompts, monkeypatch):
    """As a pack does that caches cross-attention: the features would silently miss a layer."""
    model = tiny.model()
    attention = model.model.diffusion_model.output_blocks[1][1].transformer_blocks[0].attn2
    monkeypatch.setattr(attention, "forward", lambda x, **kwargs: x)
    with pytest.raises(ddgi.InputError, match="ran 1 of its 2 cross-attention layers"):
        tiny.sample(new_tap().attach(model), *prompts, tiny.latent(size=(8, 8)))


@pytest.mark.parametrize("where", ["between steps", "inside the U-Net"])
def test_cancelled_run_leaves_nothing(pack, tiny, new_tap, prompts, where):
    import comfy.model_management as management

    model = tiny.model()
    before = hooks_and_patches(model)
    tap = new_tap()
    tapped = tap.attach(model)
    clean = hooks_and_patches(tapped)
    stop = tapped.clone()

    def interrupt(*args):
        raise management.InterruptProcessingException

    if where == "inside the U-Net":
        stop.set_model_attn2_output_patch(interrupt)
    else:
        stop.set_model_sampler_post_cfg_function(interrupt)
    tiny.sample(tapped, *prompts, tiny.latent(size=(8, 8)))
    with pytest.raises(management.InterruptProcessingException):
        tiny.sample(stop, *prompts, tiny.latent(size=(8, 8)))
    assert hooks_and_patches(model) == before
    assert hooks_and_patches(tapped) == clean
    assert before[0] == before[1] == 0
    with pytest.raises(ddgi.InputError, match="no features were captured"):  # not those of the run before
        tap.features()
    tiny.sample(tapped, *prompts, tiny.latent(size=(8, 8)))
    assert tap.features().step_numbers == (0, 1)


def test_attaching_leaves_the_callers_model_alone(tiny, new_tap, prompts):
    model = tiny.model()
    before = hooks_and_patches(model)
    tapped = new_tap().attach(model)
    assert tapped is not model
    tiny.sample(tapped, *prompts, tiny.latent(size=(8, 8)))
    assert hooks_and_patches(model) == before == (0, 0, {})


def test_two_taps_on_one_model(tiny, new_tap, prompts):
    first, second = new_tap("0"), new_tap("all")
    tiny.sample(second.attach(first.attach(tiny.model())), *prompts, tiny.latent(size=(8, 8)))
    assert first.features().step_numbers == (0,)
    assert second.features().step_numbers == (0, 1)
    assert torch.equal(first.features().steps[0].f[1], second.features().steps[0].f[1])


def test_half_precision_model_keeps_its_dtype(tiny, new_tap, prompts):
    model = tiny.model()
    model.model.diffusion_model.to(torch.bfloat16).dtype = torch.bfloat16
    tap = new_tap("last")
    tiny.sample(tap.attach(model), *prompts, tiny.latent(size=(8, 8)))
    step = tap.features().steps[0]
    assert {t.dtype for t in (step.h, *step.f, *step.attention)} == {torch.bfloat16}
    assert {t.dtype for t in (*step.word_mean, *step.word_max)} == {torch.float32}


@pytest.mark.parametrize("part", ["diffusion_model", "diffusion_model.output_blocks.1.1.transformer_blocks.0"])
def test_compiled_unet_is_read_on_the_captured_steps_only(tiny, new_tap, prompts, part):
    from comfy_api.torch_helpers import set_torch_compile_wrapper

    model = tiny.model(levels=1)  # small: compiling takes most of the time
    plain = new_tap("last")
    latent = tiny.latent(size=(4, 4))
    expected = tiny.sample(plain.attach(model), *prompts, latent, steps=2)
    compiled = model.clone()
    set_torch_compile_wrapper(compiled, backend="eager", keys=[part])
    tap = new_tap("last")
    got = tiny.sample(tap.attach(compiled), *prompts, latent, steps=2)
    assert torch.allclose(got, expected, atol=1e-4)
    assert torch.allclose(tap.features().steps[0].h, plain.features().steps[0].h, atol=1e-4)


def test_model_without_a_unet_is_refused(pack, tiny, new_tap):
    model = tiny.model()
    model.add_object_patch("diffusion_model", torch.nn.Identity())
    with pytest.raises(ddgi.InputError, match="which DDGI cannot read"):
        new_tap().attach(model)


def test_prompt_without_words_is_refused_before_sampling(pack, tiny, new_tap):
    positive = tiny.prompt(ddgi_words=torch.zeros(1, 77, dtype=torch.bool))
    with pytest.raises(ddgi.InputError, match="the prompt has no words"):
        tiny.sample(new_tap().attach(tiny.model()), positive, tiny.prompt(seed=2), tiny.latent(size=(8, 8)))
