"""The rows that `bench batch` renders."""

from ddgi.benchmark.batch import demo_rows
from ddgi.runner.host import PACK_ROOT


def test_rows_hold_drawings_and_no_other_example_picture():
    examples = PACK_ROOT / "demo" / "examples"
    rows = demo_rows(12, examples)
    drawn = [row.get("mask") or row.get("scribble") for row in rows]
    assert set(drawn) == {path.name for path in examples.glob("*.png") if not path.name.startswith("picture_")}
    assert all(row.keys() <= {"prompt", "mask", "scribble", "seed"} for row in rows)
    assert [row["seed"] for row in rows] == list(range(12))
