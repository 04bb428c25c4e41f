"""Keys: what decides a row's pictures is in them, and nothing else is."""

import shutil

import pytest

from ddgi.batch import make_units
from ddgi.batch.units import face_of

ROW = {"prompt": "a woman", "mask": "mask.png", "seed": 3}
CHANGES = [{"prompt": "a man"}, {"seed": 4}, {"style": "clay"}, {"style": "stylised"}, {"edits": {"glasses": 1.0}},
           {"camera": [20, 0]}, {"set": {"steps": 3}}, {"mask": None, "scribble": "lines.png"}]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_another_wish_is_another_key(place, change):
    first, second = place.plan(ROW, {**ROW, **change}).jobs
    assert first.key != second.key


def test_words_for_the_same_thing_are_the_same_key(place):
    shutil.copy(place.folder / "mask.png", place.folder / "copy.png")
    plan = place.plan(ROW, {**ROW, "mask": "copy.png"}, {**ROW, "set": {"steps": 20}}, {**ROW, "prompt": " a  woman"})
    assert len(plan.jobs) == 1 and plan.same == {"2": "1", "3": "1", "4": "1"}


def test_another_model_file_is_another_key(place):
    before = place.plan(ROW).jobs[0]
    (place.host.models / "generator").write_text("trained further")
    assert place.plan(ROW).jobs[0].key != before.key


def test_styles_are_words_or_generators(place):
    words, file = place.plan({**ROW, "style": "marble"}, {**ROW, "style": "stylised"}).jobs
    assert words.prompt == "a marble statue of a woman" and "style" not in words.files
    assert file.prompt == "a woman" and file.files["style"].name == "stylised"


def test_a_style_that_a_demo_generator_draws_is_words_for_other_models(place):
    row = {**ROW, "style": "pencil"}
    demo, turned, own = place.plan(row, {**row, "camera": [0, 0]}, {**row, "set": {"generator": "stylised"}}).jobs
    assert demo.prompt == "a woman" and demo.files["style"].name == "stylised"
    assert turned.prompt == own.prompt == "a pencil drawing of a woman" and "style" not in {**turned.files, **own.files}


def test_defaults_fill_what_rows_leave_open(place):
    plan = place.plan(ROW, {**ROW, "set": {"steps": 9}}, {"workflow": "graph.json"},
                      defaults={"steps": 5, "X.strength": 2})
    assert [job.settings and job.settings.steps for job in plan.jobs] == [5, 9, None]
    assert plan.jobs[2].row.settings == {"X.strength": 2}


def test_choices_follow_the_seed_and_grids_are_written_out(place):
    (place.folder / "wildcards").mkdir()
    (place.folder / "wildcards" / "colour.txt").write_text("red\n\nblond\n")
    row = {"prompt": "a {sad|calm {old|young}} woman with __colour__ hair",
           "grid": {"seed": "0..39", "style": ["clay", "studio"]}}
    plan = place.plan(row)
    prompts = [job.prompt for job in plan.jobs]
    assert len(prompts) == 80 and [job.label for job in plan.jobs][:2] == ["1.1", "1.2"]
    assert prompts == [job.prompt for job in place.plan(row).jobs]
    plain = [prompt.removeprefix("a clay figure of ") for prompt in prompts]
    assert plain[0::2] == plain[1::2]       # styles of one seed are of one face
    assert set(plain) == {f"a {mood} woman with {colour} hair" for mood in ("sad", "calm old", "calm young")
                          for colour in ("red", "blond")}


def test_units_share_models_and_faces(place):
    rows = [{**ROW, "seed": seed, "style": style} for seed in range(5) for style in ("stylised", "studio")]
    plan = place.plan(*rows, {**ROW, "set": {"steps": 3}}, {"workflow": "graph.json"})
    units = make_units(plan.jobs, 2)
    assert sorted(job.key for unit in units for job in unit.jobs) == sorted(job.key for job in plan.jobs)
    assert [len({face_of(job) for job in unit.jobs}) for unit in units if not unit.has_workflow] == [2, 2, 1, 1]
    assert [len(unit.jobs) for unit in units] == [4, 4, 2, 1, 1]
    assert [unit.number for unit in units] == [0, 1, 2, 3, 4]
