"""Rows: what they may ask for, and a sentence for each way to get one wrong."""

import pytest

from ddgi.batch import parse_row, read_jobs
from ddgi.errors import InputError

GOOD = {"prompt": "a woman", "mask": "mask.png", "seed": 3}
BROKEN = {
    "no JSON": ('{"prompt": "a woman"', "no JSON"),
    "no object": ("[1, 2]", "an object"),
    "unknown key": ({"promt": "a woman"}, "did you mean 'prompt'"),
    "no prompt": ({"mask": "mask.png"}, "no prompt"),
    "two drawings": ({**GOOD, "scribble": "lines.png"}, "both a mask and a scribble"),
    "missing drawing": ({**GOOD, "mask": "nowhere.png"}, "no such file"),
    "damaged drawing": ({**GOOD, "mask": "broken.png"}, "damaged"),
    "no line in it": ({"prompt": "a woman", "scribble": "even.png"}, "no line in it"),
    "no face in it": ({"prompt": "a woman", "mask": "even.png"}, "neither in the CelebAMask-HQ colours"),
    "path outside": ({**GOOD, "mask": "../secret.png"}, "outside the folder"),
    "link outside": ({**GOOD, "mask": "link.png"}, "outside the folder"),
    "no file name": ({**GOOD, "mask": "a\u0000b"}, "no file name"),
    "seed": ({**GOOD, "seed": -1}, "whole number from 0"),
    "seed that is a share": ({**GOOD, "seed": 1.5}, "whole number from 0"),
    "style": ({**GOOD, "style": "cubist"}, "Styles that are words"),
    "edit": ({**GOOD, "edits": {"wings": 1}}, "no direction 'wings'"),
    "strength": ({**GOOD, "edits": {"glasses": "much"}}, "must be a number"),
    "camera": ({**GOOD, "camera": [0, 95]}, "pitch is 95"),
    "camera that is none": ({**GOOD, "camera": "left"}, "yaw and pitch"),
    "setting": ({**GOOD, "set": {"step_count": 3}}, "unknown key set.step_count"),
    "type of a setting": ({**GOOD, "set": {"steps": "many"}}, "must be of type int"),
    "sampler": ({**GOOD, "set": {"sampler": "magic"}}, "sampler is 'magic'"),
    "model outside": ({**GOOD, "set": {"generator": "../models/generator"}}, "outside the folder"),
    "no bridge": ({**GOOD, "set": {"checkpoint": "sd.safetensors", "generator": "x"}}, "no bridge is named"),
    "workflow": ({**GOOD, "workflow": "nowhere.json"}, "no such file"),
    "wildcard": ({**GOOD, "prompt": "a __colour__ hat"}, "__colour__ of the prompt"),
    "brace": ({**GOOD, "prompt": "a {red hat"}, "without its partner"),
    "grid": ({"grid": {"seed": "9..1"}, "prompt": "a woman"}, "lower number first"),
    "huge grid": ({"grid": {"seed": "0..9999", "style": ["clay"] * 1000}, "prompt": "a"}, "10,000,000 rows"),
}


@pytest.fixture
def files(place):
    from PIL import Image

    Image.new("L", (16, 16), 255).save(place.folder / "even.png")
    (place.folder / "link.png").symlink_to(place.outside / "secret.png")
    return place


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_row_is_a_sentence_and_costs_no_other(files, kind):
    row, words = BROKEN[kind]
    plan = files.plan(GOOD, row, {**GOOD, "seed": 4})
    assert list(plan.problems) == ["2"]
    assert words in plan.problems["2"]
    assert plan.problems["2"].count("\n") == 0 and plan.problems["2"].endswith((".", "?"))
    assert [job.row.seed for job in plan.jobs] == [3, 4]


def test_folders_that_are_allowed_may_be_read(files):
    row = {**GOOD, "mask": "../secret.png"}
    assert not files.plan(row, allowed=[files.outside]).problems
    with pytest.raises(InputError, match="does not exist"):
        files.plan(row, allowed=["nowhere"])


def test_an_example_is_found_by_its_name(files):
    jobs = files.plan({**GOOD, "mask": "bun"}, {**GOOD, "mask": "bun.png", "seed": 5}).jobs
    assert {job.files["drawing"].name for job in jobs} == {"bun.png"}


def test_csv_says_the_same_as_json(files):
    same = {"prompt": "a woman, smiling", "mask": "mask.png", "seed": 7, "camera": [[20, 0], [-20, 5]],
            "edits": {"glasses": 1.5}, "set": {"steps": 3, "cfg": 2.5}}
    line = ('prompt,mask,seed,camera,edits,set.steps,set.cfg\n'
            '"a woman, smiling",mask.png,7,"20,0; -20,5",glasses=1.5,3,2.5')
    semicolons = "prompt;mask;seed;camera;edits.glasses;set.steps;set.cfg\na woman, smiling;mask.png;7;20,0 ;1.5;3;2.5"
    keys = {files.plan(same).jobs[0].key, files.plan(line, name="rows.csv").jobs[0].key}
    assert len(keys) == 1
    assert files.plan(semicolons, name="rows.csv").jobs[0].row.edits == (("glasses", 1.5),)


def test_a_csv_row_of_another_length_is_named_by_its_line(files):
    plan = files.plan("prompt,seed\na,1\nb,2,3\nc,4", name="rows.csv")
    assert list(plan.problems) == ["3"] and len(plan.jobs) == 2


@pytest.mark.parametrize("name, text, words", [
    ("rows.txt", "x", "is .jsonl"), ("rows.jsonl", "", "no rows"), ("rows.csv", "a,a\n1,2", "every column once"),
    ("rows.csv", "set,set.x\n1,2", "every column once")])
def test_a_file_that_is_none_is_refused(place, name, text, words):
    with pytest.raises(InputError, match=words):
        read_jobs(place.rows(text, name=name))


def test_a_row_is_written_as_it_was_read():
    values = {"prompt": "a woman", "mask": "m.png", "seed": 0, "edits": {"age": -1.0}, "camera": [[1.0, 2.0]],
              "set": {"steps": 3}}
    assert parse_row(values).values() == values
