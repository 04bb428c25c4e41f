"""Metrics against numbers worked out by hand; judges keep their answers through a file."""

import pytest
import torch

from ddgi.errors import InputError
from ddgi.evaluation import (
    Judges,
    JudgesConfig,
    attribute_hits,
    attribute_table,
    confusion,
    load_judges,
    markdown_table,
    mean_iou,
    pixel_accuracy,
)
from ddgi.evaluation.sheet import write_sheet
from ddgi.evaluation.table import drawing_table

CONFIG = JudgesConfig(16, (8, 8, 8, 8), {"hat": ("no", "yes"), "eyes": ("a", "b", "c")})


def test_miou_and_accuracy_by_hand():
    truth = torch.tensor([0, 0, 0, 1, 1, 2])
    predicted = torch.tensor([0, 0, 1, 1, 1, 0])
    counts = confusion(predicted, truth, 4)
    assert counts.tolist() == [[2, 1, 0, 0], [0, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    # class 0: 2 / (3 + 3 - 2), class 1: 2 / (2 + 3 - 2), class 2: 0; class 3 never occurs and is left out
    assert mean_iou(counts) == pytest.approx((2 / 4 + 2 / 3 + 0) / 3)
    assert pixel_accuracy(counts) == pytest.approx(4 / 6)


def test_miou_leaves_out_what_is_predicted_but_never_true():
    counts = confusion(torch.tensor([0, 0, 1, 2]), torch.tensor([0, 0, 1, 1]), 3)
    # class 0: 2 / 2, class 1: 1 / 2; class 2 is nowhere in the truth, and its pixel counts against class 1 alone
    assert mean_iou(counts) == pytest.approx((1 + 1 / 2) / 2)


def test_attribute_hits_compare_each_attribute():
    logits = [torch.tensor([[0.0, 1.0], [3.0, 1.0]]), torch.tensor([[1.0, 0.0, 2.0], [0.0, 5.0, 1.0]])]
    assert attribute_hits(logits, torch.tensor([[1, 0], [1, 1]])).tolist() == [[True, False], [False, True]]


def test_judges_come_back_from_their_file_with_the_same_answers(tmp_path):
    torch.manual_seed(0)
    judges = Judges(CONFIG, record={"own_accuracy": {"miou": 0.5}}).eval()
    judges.save(tmp_path / "judges.safetensors")
    loaded = load_judges(tmp_path / "judges.safetensors")
    image = torch.randn(2, 3, 16, 16)
    assert torch.equal(loaded.segmenter(image), judges.segmenter(image))
    assert [tuple(x.shape) for x in loaded.classifier(image)] == [(2, 2), (2, 3)]
    assert loaded.record["own_accuracy"]["miou"] == 0.5


def test_judges_look_at_any_size(tmp_path):
    judges = Judges(CONFIG).eval()
    assert judges.fit(torch.zeros(1, 3, 64, 48)).shape == (1, 3, 16, 16)


def test_a_missing_judges_file_is_named(tmp_path):
    with pytest.raises(InputError, match="There is no file .*judges.safetensors"):
        load_judges(tmp_path / "judges.safetensors")


def test_the_table_has_a_row_per_method():
    row = {"miou": 0.5, "pixel_accuracy": 0.9, "attribute_accuracy": 0.8, "distance": 0.1234}
    table = markdown_table({"m_only": row, "m_t": row, "m_t (mine, step 3)": row}).splitlines()
    assert table[0] == "| | mask mIoU | pixel accuracy | attribute accuracy | distance (lower is better) |"
    assert len(table) == 5 and table[3] == "| M + T | 0.500 | 0.900 | 0.800 | 0.123 |"
    assert table[4].startswith("| M + T (mine, step 3) | 0.500")


def test_the_table_of_drawings_has_a_column_for_each_thing_drawn():
    values = {"glasses": 0.1, "hat": 0.2, "mouth": 0.3, "hair": 0.4, "jewellery": 0.5, "areas": 0.6}
    table = drawing_table({"scribble": {"told": {"m_t": values}}}).splitlines()
    assert table[0] == ("| | drawn glasses seen | drawn hats seen | mouth as drawn | hair as drawn | "
                        "jewellery that nobody drew | large areas agree |")
    assert table[2:] == ["| scribble, told: M + T | 0.10 | 0.20 | 0.30 | 0.40 | 0.50 | 0.60 |"]


def test_the_attribute_table_has_a_row_per_attribute_and_a_column_per_method():
    scores = {"m_t": {"by_attribute": {"eye_colour": 0.25, "hat": 1.0}},
              "diffusion": {"by_attribute": {"eye_colour": 0.5, "hat": 0.875}}}
    table = attribute_table(scores).splitlines()
    assert table[0] == "| attribute accuracy | M + T | diffusion model's own image |"
    assert table[2:] == ["| eye colour | 0.25 | 0.50 |", "| hat | 1.00 | 0.88 |"]


def test_a_sheet_shows_each_method_in_its_row(tmp_path):
    from PIL import Image

    write_sheet(tmp_path / "sheet.png", {"a": torch.ones(3, 3, 4, 4), "b": -torch.ones(3, 3, 2, 2)}, columns=2, size=4)
    image = Image.open(tmp_path / "sheet.png")
    assert image.size == (8, 8)
    assert image.getpixel((0, 0)) == (255, 255, 255) and image.getpixel((7, 7)) == (0, 0, 0)
