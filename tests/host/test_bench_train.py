"""The training benchmark on the demo models: what it counts and reports; never how long things take."""

import importlib
from types import SimpleNamespace

import pytest

KEYS = {"seconds", "ratio", "ceiling_share", "peak_mib"}


@pytest.fixture(scope="module")
def bench(pack):
    parts = ("ddgi.benchmark.training", "ddgi.benchmark.generators", "host.benchmark.train")
    return SimpleNamespace(**{name: value for part in parts
                              for name, value in vars(importlib.import_module(f"{pack.__name__}.{part}")).items()})


@pytest.fixture(scope="module")
def models(pack):
    """(E, generator): the demo models."""
    recipe = importlib.import_module(f"{pack.__name__}.host.training.recipe")
    table = recipe.ModelTable(steps=2, cfg=2.0)
    return recipe.open_encoder(table), recipe.open_generator(table)


@pytest.fixture(scope="module")
def result(bench, models, tmp_path_factory):
    return bench.training_costs(*models, tmp_path_factory.mktemp("bench"), size=64, steps=3, batch=2)


def test_the_result_has_a_case_for_each_part(result):
    assert result.keys() == {"sample", "own_picture", "mapping", "modulation"}
    assert all(case.keys() >= KEYS and case["batch"] == 2 for case in result.values())


def test_every_step_is_timed_and_split_into_reading_and_learning(result):
    for stage in ("mapping", "modulation"):
        case = result[stage]
        assert len(case["step_seconds"]) == 3
        assert case["seconds"] in case["step_seconds"][1:] or case["seconds"] == sum(case["step_seconds"][1:]) / 2
        assert 0 < case["reading"] < case["seconds"]
        assert case["reading"] + case["learning"] == pytest.approx(case["seconds"])
        # 20,000 steps of 8 pictures in the default recipe.
        assert case["default_hours"] == pytest.approx(160_000 * case["seconds"] / 2 / 3600)


def test_frozen_parts_take_no_gradient(result, models):
    encoder, generator = models
    networks = [encoder.model.model, encoder.vae.first_stage_model, encoder.clip.cond_stage_model,
                encoder.control_net.control_model, generator]
    assert all(p.grad is None for network in networks for p in network.parameters())
    assert not any(p.requires_grad for p in generator.parameters())


def test_the_sizes_are_those_of_sd_15_and_stylegan2_1024(bench):
    assert bench.GENERATORS.keys() == {"stylegan2", "eg3d"}
    assert bench.StyleGAN2Config().img_resolution == 1024
    assert bench.SD15.unet["model_channels"] == 320 and bench.SD15.unet["context_dim"] == 768


def test_one_step_is_refused(bench, models, tmp_path):
    with pytest.raises(ValueError, match="1 steps with batches of 2 .* at least 2 steps"):
        bench.training_costs(*models, tmp_path, size=64, steps=1, batch=2)
