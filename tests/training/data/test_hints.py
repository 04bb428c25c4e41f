"""Hints are exact, rough or absent, in the shares asked for and by the sample's own stream."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ddgi.config import build
from ddgi.errors import InputError
from ddgi.facemask import read_mask
from ddgi.headworld import render_batch
from ddgi.palette import CLASS_NAMES
from ddgi.roughness import leave_out, rough_lines
from ddgi.training.data import Augment, HeadWorld, Hints
from ddgi.training.data.hints import NAMED_BY, mask_hint
from ddgi.training.sources import DataTable, open_source

sys.path.append(str(Path(__file__).parents[1]))
import trainer_toys as toys  # noqa: E402

SIZE = 64
GLASSES = CLASS_NAMES.index("eyeglasses")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def head():
    """Classes [64, 64] and lines bool of a head with glasses."""
    batch = render_batch(range(20), SIZE)
    row = int((batch.mask == GLASSES).sum((1, 2)).argmax())
    return batch.mask[row], batch.scribble[row, 0] > 0.5


def drawn(hints, head, seed, kind="mask", prompt="a face", **options):
    return hints.draw(kind, prompt, seeded(seed), lambda: head[0], lambda: head[1], **options)


def test_exact_hints_draw_nothing_and_are_the_mask_and_the_lines(head):
    rng = seeded()
    hint = Hints().draw("mask", "a face", rng, lambda: head[0], lambda: head[1])
    assert torch.equal(hint, mask_hint(head[0]))
    assert torch.equal(drawn(Hints(), head, 0, "scribble")[0] == 0, head[1])
    assert torch.equal(rng.get_state(), seeded().get_state())


def test_hints_are_left_out_and_roughened_in_their_shares(head):
    hints = Hints(no_hint_share=0.25, rough_share=0.5)
    found = [drawn(hints, head, seed) for seed in range(200)]
    absent = sum(hint is None for hint in found)
    exact = sum(hint is not None and torch.equal(hint, mask_hint(head[0])) for hint in found)
    assert 26 <= absent <= 74               # 50, four standard deviations are 24
    assert 48 <= exact <= 102               # 3/8 of 200, four standard deviations are 27


@pytest.mark.parametrize("kind", ["mask", "scribble"])
def test_a_rough_hint_is_the_same_for_the_same_stream(head, kind):
    hints = Hints(rough_share=1.0)
    first, again, other = drawn(hints, head, 1, kind), drawn(hints, head, 1, kind), drawn(hints, head, 2, kind)
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.shape == (3, SIZE, SIZE)
    if kind == "mask":
        classes = read_mask(first.permute(1, 2, 0)[None])[0]
        assert (classes != head[0]).float().mean() < 0.5  # still that head
    else:
        assert set(first.unique().tolist()) == {0.0, 1.0} and 0.005 < (first == 0).float().mean() < 0.4


def test_what_the_prompt_names_may_be_missing_and_what_it_does_not_name_is_drawn(head):
    hints, shown = Hints(rough_share=1.0, leave_out=1.0), {}
    for prompt in ("a man", "a man with glasses"):
        masks = [read_mask(drawn(hints, head, seed, prompt=prompt).permute(1, 2, 0)[None])[0] for seed in range(40)]
        shown[prompt] = [bool((mask == GLASSES).any()) for mask in masks]
    assert all(shown["a man"]) and not any(shown["a man with glasses"])


@pytest.mark.parametrize(("prompt", "groups"), [
    ("a smiling woman with spectacles", {"mouth", "glasses"}), ("wearing a hat and earrings", {"hat", "earrings"}),
    ("jewelry", {"earrings", "necklace"}), ("a man with sunglasses, red lips", {"glasses", "mouth"}),
    ("a chatty man", set()), ("an unhappy capricious looking woman", {"mouth"})])
def test_parts_are_named_by_whole_words(prompt, groups):
    assert {group for group, words in NAMED_BY.items() if words.search(prompt)} == groups


def test_parts_have_names_of_their_own():
    head = torch.arange(len(CLASS_NAMES), dtype=torch.uint8).repeat(4, 1)
    assert all(not torch.equal(leave_out(head, [group]), head) for group in NAMED_BY)


def test_drawings_by_hand_stay_and_lines_without_a_mask_are_made_rough(head):
    hints = Hints(rough_share=1.0)
    assert torch.equal(drawn(hints, head, 0, "scribble", by_hand=True)[0] == 0, head[1])
    rough = hints.draw("scribble", "", seeded(), None, lambda: head[1])
    assert not torch.equal(rough[0] == 0, head[1])


def test_rough_lines_stay_near_the_exact_ones(head):
    near = torch.nn.functional.max_pool2d(head[1][None, None].float(), 17, 1, 8)[0, 0] > 0
    for seed in range(10):
        lines = rough_lines(head[1], seeded(seed))
        assert lines.any() and (lines & near).sum() > 0.9 * lines.sum()


@pytest.mark.parametrize("name", ["no_hint_share", "rough_share", "leave_out"])
def test_shares_out_of_range_are_named(name):
    with pytest.raises(InputError, match=f"{name} is 1.5; it is a share"):
        Hints(**{name: 1.5})
    with pytest.raises(InputError, match=rf"In \[data\] of the recipe: {name} is -1.0; it is a share"):
        build(DataTable, {name: -1}, "data.")


def test_recipes_train_with_rough_hints_and_without_unless_they_say_otherwise(tmp_path):
    plain = open_source(DataTable(count=4), toys.generator(), 32, tmp_path)
    assert (plain.hints.no_hint_share, plain.hints.rough_share, plain.hints.leave_out) == (0.2, 0.35, 0.3)
    exact = DataTable(count=4, no_hint_share=0.0, rough_share=0.0)
    assert open_source(exact, toys.generator(), 32, tmp_path).hints == Hints(mask_share=0.0, size=32)


def test_a_source_may_have_samples_without_a_hint():
    source = HeadWorld(range(2), 16, Hints(no_hint_share=1.0))
    assert source.sample(0, seeded()).hint is None


def test_every_key_of_the_table_reaches_its_source(tmp_path):
    table = {"hint_size": 32, "scribble_from": "mask", "scribble_threshold": 0.1, "scribble_detail": 2.0,
             "scribble_thickness": 3, "no_hint_share": 0.1, "rough_share": 0.2, "leave_out": 0.4, "mask_share": 0.0}
    own = open_source(build(DataTable, {**table, "count": 4, "truncation_low": 0.2, "truncation_high": 0.9}, "data."),
                      toys.generator(), 8, tmp_path)
    assert own.hints == Hints(0.0, 32, "mask", 0.1, 2.0, 3, 0.1, 0.2, 0.4) and own.truncation_psi == (0.2, 0.9)
    for number in range(3):
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (24, 24, 3), dtype=np.uint8)).save(
            tmp_path / f"{number}.png")
    (tmp_path / "1.txt").write_text("a face")
    files = {**table, "source": "folder", "root": str(tmp_path), "needed": "caption", "crop": 0.5, "check": "quick",
             "min_side": 20, "flip": True, "masks": "class colours"}
    folder = open_source(build(DataTable, files, "data."), toys.generator(), 8, tmp_path)
    assert len(folder) == 1 and folder.reading.hints == own.hints
    reading = folder.reading
    assert (reading.check, reading.min_side, reading.augment, reading.masks) == (
        "quick", 20, Augment(flip=True, crop=0.5), "class colours")


@pytest.mark.parametrize(("key", "value"), [("truncation_low", -0.1), ("yaw", 400.0), ("scribble_thickness", 0),
                                            ("check", "deep"), ("scribble_from", "air"), ("drawn_share", 2.0)])
def test_values_of_the_table_have_bounds(key, value):
    with pytest.raises(InputError, match=f"{key} is "):
        build(DataTable, {key: value}, "data.")
