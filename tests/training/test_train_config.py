"""Recipes are read strictly, and every complaint names its key."""

import pytest
import torch

from ddgi.config import build, read_recipe
from ddgi.errors import InputError
from ddgi.training.config import StageConfig, TrainConfig
from ddgi.training.denoising import DISTRIBUTIONS, draw_timestep
from ddgi.training.sources import DataTable
from ddgi.training.stage import constant_rate

HUGE = int("9" * 400)


def test_what_a_recipe_does_not_say_keeps_its_default(tmp_path):
    recipe = "seed = 3\n[mapping]\nrate = 1\n[mapping.losses]\npixel = 2\n[modulation]\nsteps = 7\n"
    (tmp_path / "r.toml").write_text(recipe)
    config = build(TrainConfig, read_recipe(tmp_path / "r.toml"))
    assert (config.seed, config.mapping.rate, config.modulation.steps) == (3, 1.0, 7)
    assert config.mapping.losses == {**StageConfig().losses, "pixel": 2.0}
    assert config.modulation.own_share == 0.5  # the default of T, not of stages
    assert config.mapping.batch == StageConfig().batch


@pytest.mark.parametrize("recipe, message", [
    ({"sed": 1}, "unknown key sed; did you mean 'seed'"),
    ({"mapping": {"lerning_rate": 1}}, "unknown key mapping.lerning_rate"),
    ({"mapping": 3}, r"mapping is 3 in the recipe; it is a table, write \[mapping\]"),
    ({"mapping": {"batch": 2.5}}, "mapping.batch is 2.5 in the recipe; it must be of type int"),
    ({"mapping": {"batch": True}}, "mapping.batch is True"),
    ({"mapping": {"batch": 0}}, r"In \[mapping\] of the recipe: batch is 0; it must be at least 1"),
    ({"mapping": {"losses": {"pixels": 1}}}, "losses is 'pixels'; choose from pixel, perceptual"),
    ({"mapping": {"losses": {"pixel": "a"}}}, "mapping.losses is .* it is a table of numbers"),
    ({"mapping": {"schedule": "linear"}}, "schedule is 'linear'; choose from cosine, constant"),
    ({"mapping": {"own_share": 0.5}}, "M learns from the true pictures"),
    ({"features": {"denoising_steps": "all"}}, "denoising_steps is 'all'; choose from uniform, low, late, ends, high"),
    ({"precision": "fp8"}, "In the recipe: precision is 'fp8'"),
    ({"modulation": {"rate": float("nan")}}, "rate is nan; it must be above 0"),
    ({"mapping": {"rate": float("inf")}}, "rate is inf; it must be at most"),
    ({"seed": HUGE}, r"seed is a number of 1329 bits; it must be at least 0, and at most 2,147,483,647"),
    ({"mapping": {"rate": HUGE}}, r"mapping.rate is a number of 1329 bits in the recipe, which is too large a number"),
    ({"mapping": {"losses": {"pixel": HUGE}}}, "mapping.losses.pixel is a number of .* too large a number"),
    ({"bridge": {"mapping_width": 10 ** 9}}, "mapping_width is 1000000000; it must be at least 1, and at most 8,192"),
    *(({table: {key: 10 ** 10}}, f"{key} is 10000000000; it must be at least 1, and at most") for table, key in (
        ("mapping", "steps"), ("mapping", "batch"), ("modulation", "accumulate"), ("features", "own_images"),
        ("features", "passes"), ("features", "statistics"), ("bridge", "head_width"))),
    *(({key: 10 ** 10}, f"{key} is 10000000000; it must be at least 1, and at most")
      for key in ("held_out", "evaluate_every", "log_every")),
    ({"loss_resolution": 10 ** 10}, "loss_resolution is 10000000000; it must be at least 0, and at most 8,192"),
])
def test_complaints_name_the_key(recipe, message):
    with pytest.raises(InputError, match=message):
        build(TrainConfig, recipe)


def test_a_recipe_that_is_no_toml_is_named_with_its_line(tmp_path):
    path = tmp_path / "r.toml"
    path.write_text("seed = 1\nmapping = [\n")
    with pytest.raises(InputError, match=r"r.toml is not readable as TOML .*line"):
        read_recipe(path)
    with pytest.raises(InputError, match="There is no recipe"):
        read_recipe(tmp_path / "other.toml")


@pytest.mark.parametrize("text, message", [
    ("data = " + "[" * 5000 + "]" * 5000, "is not readable as TOML"),
    ("seed = " + "9" * 5000, "is not readable as TOML"),
    ("#" * (1 << 20) + "#", "larger than 1 MiB, so it is no recipe"),
])
def test_a_hostile_recipe_is_a_sentence(tmp_path, text, message):
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_recipe(tmp_path / "r.toml")


@pytest.mark.parametrize("table", ["demo", 3, ["count", 4]])
def test_a_table_that_is_none_is_named(table):
    with pytest.raises(InputError, match=r"data is .* in the recipe; it is a table, write \[data\] above its keys"):
        build(DataTable, table, "data.")


@pytest.mark.parametrize("key, value", [("count", 10 ** 9), ("first_seed", HUGE), ("hint_size", 10 ** 9), ("count", 1)])
def test_counts_of_samples_are_checked_before_anything_is_made(key, value):
    with pytest.raises(InputError, match=rf"In \[data\] of the recipe: {key} is .*; it must be at least"):
        build(DataTable, {key: value}, "data.")


# Means of the densities 1, 2 (1 - u), 2 u, of a cubed uniform number, of that mixed with 0.98 .. 1, and of the
# logit-normal, which is symmetric.
MEANS = {"uniform": 0.5, "low": 1 / 3, "late": 1 / 4, "ends": 0.3 * 0.99 + 0.7 / 4, "high": 2 / 3, "logit_normal": 0.5,
         "last": 0.0}
# Mean squares: uniform 1/3; min and max of two: 1/6, 1/2; cube 1/7; logit-normal: variance 0.0434 by quadrature.
SQUARES = {"uniform": 1 / 3, "low": 1 / 6, "late": 1 / 7, "ends": 0.3 * 0.98013 + 0.7 / 7, "high": 1 / 2,
           "logit_normal": 0.25 + 0.0434, "last": 0.0}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_step_distributions_have_their_moments(name):
    generator = torch.Generator().manual_seed(0)
    drawn = torch.tensor([DISTRIBUTIONS[name](generator) for _ in range(4000)])
    assert drawn.mean().item() == pytest.approx(MEANS[name], abs=0.02)  # four standard errors
    assert drawn.square().mean().item() == pytest.approx(SQUARES[name], abs=0.02)


def test_timesteps_stay_on_the_schedule():
    generator = torch.Generator().manual_seed(0)
    drawn = {draw_timestep("uniform", 10, generator) for _ in range(300)}
    assert drawn == set(range(10))
    assert draw_timestep("last", 10, generator) == 0


def test_constant_rate_warms_up_and_stays():
    assert [constant_rate(step, 100, warmup=4) for step in (0, 1, 3, 50, 99)] == [0.25, 0.5, 1.0, 1.0, 1.0]
