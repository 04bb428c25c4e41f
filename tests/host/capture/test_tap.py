"""A tap outlives its runs in the host's cache: it gives features only for the latent that their run made."""

import pytest
import torch

import ddgi.features

FOREIGN = "the latent was not made by the tapped model"


@pytest.fixture
def tap(pack):
    return pack.host.capture.run.FeatureTap(ddgi.features.StepSelection("last"))


@pytest.fixture
def sample(tiny):
    """One sampler node in one execution of a graph."""
    from comfy_execution.utils import CurrentNodeContext

    prompts, latent = (tiny.prompt(), tiny.prompt(seed=2)), tiny.latent(size=(8, 8))

    def run(model, node="1", prompt="p", index=0, seed=3, **settings):
        with CurrentNodeContext(prompt, node, index):
            return tiny.sample(model, *prompts, latent, seed=seed, **settings)

    return run


def test_a_latent_of_another_sampler_is_refused(pack, tiny, tap, sample):
    """KJNodes 269: the second prompt bypasses the tap, which the host took from its cache with its old run."""
    model = tiny.model()
    sample(tap.attach(model), prompt="first")
    other = sample(model, prompt="second", seed=12345)
    with pytest.raises(ddgi.InputError, match=FOREIGN):
        tap.features(other)


def test_two_samplers_on_one_tap_each_have_their_own_features(tiny, tap, sample):
    """ComfyUI 5452: the second sampler runs before the features of the first are collected."""
    model, calls = tiny.reference(tiny.model())
    tapped = tap.attach(model)
    first, second = sample(tapped, "1", seed=3), sample(tapped, "2", seed=99)
    for latent, call in ((first, calls[1]), (second, calls[3])):     # two steps each, the last is captured
        row = call["options"]["cond_or_uncond"].index(0)
        assert torch.equal(tap.features(latent).steps[0].h, call["h"][row: row + 1])
    assert torch.equal(tap.features().steps[0].h, tap.features(second).steps[0].h)  # the newest, if none is named


def test_a_sampler_that_is_given_a_list_keeps_all_of_its_runs(tiny, tap, sample):
    tapped = tap.attach(tiny.model())
    latents = [sample(tapped, index=n, seed=n) for n in range(3)]
    features = [tap.features(latent).steps[0].h for latent in latents]
    assert not torch.equal(features[0], features[1])
    assert not torch.equal(features[1], features[2])


def test_another_execution_and_another_run_of_a_sampler_drop_the_old_ones(pack, tiny, tap, sample):
    tapped = tap.attach(tiny.model())
    old, again = sample(tapped, "1", seed=1), sample(tapped, "1", seed=2)
    assert tap.features(again)
    later = sample(tapped, "7", prompt="q", seed=3)
    assert tap.features(later)
    for gone in (old, again):
        with pytest.raises(ddgi.InputError, match=FOREIGN):
            tap.features(gone)
    assert len(tap._runs) == 1


def test_a_changed_latent_is_refused(pack, tiny, tap, sample):
    made = sample(tap.attach(tiny.model()))
    for changed in (made * 1.001, torch.nn.functional.interpolate(made, scale_factor=2.0), made[:, :, :4]):
        with pytest.raises(ddgi.InputError, match=FOREIGN):
            tap.features(changed)


def test_the_latent_may_be_cast_hold_nan_or_be_the_denoised_one(tiny, tap):
    from comfy_extras import nodes_custom_sampler as custom

    tapped = tap.attach(tiny.model())
    spoil = lambda args: args["denoised"].index_fill(1, torch.tensor([2]), torch.nan)  # noqa: E731
    tapped.set_model_sampler_post_cfg_function(spoil)
    with torch.inference_mode():
        sigmas = custom.BasicScheduler.execute(tapped, "karras", 3, 1.0).result[0][:-1]  # noise is left over
        guider = custom.BasicGuider.execute(tapped, tiny.prompt()).result[0]
        output, denoised = custom.SamplerCustomAdvanced.execute(
            custom.RandomNoise.execute(1).result[0], guider, custom.KSamplerSelect.execute("euler").result[0], sigmas,
            tiny.latent(size=(8, 8))).result
    assert output["samples"].isnan().any() and not torch.equal(output["samples"], denoised["samples"])
    for latent in (output["samples"], denoised["samples"], output["samples"].half()):
        assert tap.features(latent).step_numbers == (1,)


def test_a_later_change_of_the_latent_in_place_is_seen(pack, tiny, tap, sample):
    with torch.inference_mode():
        made = sample(tap.attach(tiny.model()))
        made += 1.0
    with pytest.raises(ddgi.InputError, match=FOREIGN):
        tap.features(made)
