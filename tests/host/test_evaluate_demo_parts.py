"""Parts of `evaluate --demo` on a few heads: where words look, and pictures searched in the generator."""

import importlib

import pytest
import torch


@pytest.fixture(scope="module")
def part(pack):
    return lambda name: importlib.import_module(f"{pack.__name__}.host.evaluation.{name}")


def test_the_pointing_game_knows_the_parts_and_glasses_win_it(part):
    found = part("attention").run(range(12))
    assert found["mouth"]["count"] == found["eyes"]["count"] == 12      # every caption names them
    assert 0 < found["glasses"]["count"] < 12
    assert found["glasses"]["word"] == 1.0 and found["glasses"]["all_words"] < 0.5      # as in the table of the docs
    assert 0.02 < found["mouth"]["area"] < found["hair"]["area"] < 0.8


def test_a_beard_is_what_a_shave_changes(part, pack):
    attention, world = part("attention"), pack.ddgi.headworld
    truth = world.render_batch(range(24), 64)
    grown = attention._areas(range(24), truth)["beard"].flatten(1).any(1)
    assert torch.equal(grown, truth.attributes[:, list(world.ATTRIBUTES).index("beard")] == 1)


def test_a_search_comes_nearer_than_the_bridge_and_tuning_nearer_still(part):
    found = part("projection").run(heads=8, steps=7, tuning_steps=3)
    assert list(found) == ["bridge", "mean_w+", "w", "w+", "tuned"]
    assert found["w+"]["picture_distance"] < 0.6 * found["bridge"]["picture_distance"]
    assert found["tuned"]["picture_distance"] < found["w+"]["picture_distance"]
    assert all(scores["seconds"] > 0 for scores in found.values())
