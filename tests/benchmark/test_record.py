"""The record of `bench all`, its page and its check; never how long things take."""

import argparse
import json
import xml.etree.ElementTree as ElementTree

import pytest
import torch

from ddgi.benchmark import record
from ddgi.benchmark.page import DEVICES, SECTIONS, page_files
from ddgi.benchmark.plot import line_chart
from ddgi.cli import main
from ddgi.commands import bench_all
from ddgi.errors import InputError
from ddgi.files import write_text
from ddgi.runner.host import PACK_ROOT

CPU = torch.device("cpu")
CASE = {"seconds": 1.23212, "cpu_seconds": 1.0, "ratio": 1.6, "cpu_ratio": 1.8, "gflop": 7.0, "device": "cpu",
        "peak_mib": None}


@pytest.fixture(scope="module")
def found():
    sections = {"stylegan2": lambda: {"1024_px": CASE}, "at_once": lambda: {"1_at_once": CASE, "4_at_once": CASE}}
    return record.measured(sections, CPU)


def with_ratio(record, ratio):
    changed = json.loads(json.dumps(record))
    changed["sections"]["stylegan2"]["rows"]["1024_px"]["cpu_ratio"] = ratio
    return changed


def test_the_committed_page_says_what_the_committed_numbers_say():
    folder = PACK_ROOT / "docs"
    paths = {device: folder / "performance" / f"{device}.json" for device in DEVICES}
    records = {device: record.read(path) for device, path in paths.items() if path.is_file()}
    for name, text in page_files(records).items():
        assert (folder / name).read_text(encoding="utf-8") == text, "run: python -m ddgi bench page"


def test_the_committed_record_has_every_section_in_order():
    assert list(record.read(PACK_ROOT / "docs" / "performance" / "cpu.json")["sections"]) == list(SECTIONS)


def test_every_section_of_the_page_is_measured_and_each_checked_one_too():
    sections = bench_all._sections(argparse.Namespace(json=True), CPU)
    assert list(sections) == list(SECTIONS) and set(bench_all.CHECKED) <= sections.keys()


def test_a_record_keeps_four_digits_of_known_numbers(found):
    row = found["sections"]["stylegan2"]["rows"]["1024_px"]
    assert row == {"seconds": 1.232, "cpu_seconds": 1.0, "ratio": 1.6, "cpu_ratio": 1.8}
    assert found["machine"]["threads"] == torch.get_num_threads()


def test_a_page_has_its_numbers_its_chart_and_an_empty_place_for_a_graphics_card(found):
    found["sections"]["stylegan2"]["busy"] = 0.5
    files = page_files({"cpu": found})
    page = files["performance.md"]
    assert files.keys() == {"performance.md", "performance/cpu_at_once.svg"}
    assert "| 1024 px | 1.23 | 1 | 1.6 | 1.8 |" in page and "Others took 50% of the machine" in page
    assert "No graphics card was at hand" in page and "| StyleGAN2 | 1024 px |  |  |  |" in page


def test_a_row_says_what_its_ratio_could_be_at_the_most(found):
    found["sections"]["stylegan2"]["rows"]["1024_px"] |= {"ratio": 1.6, "ceiling_share": 0.8}
    assert "| 1024 px | 1.23 | 1 | 1.6 | 1.8 | 0.8 | 2 |" in page_files({"cpu": found})["performance.md"]


def test_a_chart_has_a_mark_for_each_point():
    chart = ElementTree.fromstring(line_chart("a < b", "pictures", [(1, 2.0), (4, 8.0)]))
    marks = [mark.attrib for mark in chart if mark.tag.endswith("circle")]
    assert len(marks) == 2 and float(marks[0]["cy"]) > float(marks[1]["cy"])
    assert float(marks[1]["cx"]) - float(marks[0]["cx"]) == pytest.approx(3 / 4 * (420 - 52 - 16), abs=0.2)


@pytest.mark.parametrize("ratio, said", [(1.8, 0), (1.8 * (1 - record.MARGIN) + 0.01, 0),
                                         (1.8 * (1 - record.MARGIN) - 0.01, 1)])
def test_a_ratio_may_be_worse_by_the_margin(found, ratio, said):
    now = {name: part["rows"] for name, part in with_ratio(found, ratio)["sections"].items()}
    assert len(record.worse(now, found)) == said


def test_the_check_fails_in_one_sentence(found, tmp_path, monkeypatch, capsys):
    path = tmp_path / "performance" / "cpu.json"
    write_text(path, json.dumps(with_ratio(found, 3.0)))
    monkeypatch.setattr(bench_all, "CHECKED", ("stylegan2",))
    monkeypatch.setattr(bench_all, "_sections", lambda args, device: {"stylegan2": lambda: {"1024_px": CASE}})
    arguments = ["bench", "check", "--out", str(tmp_path), "--device", "cpu"]
    assert main(arguments) == 1
    line = capsys.readouterr().err.strip()
    assert "stylegan2 1024_px is 1.80 times as fast" in line and "3.00 was recorded" in line and "\n" not in line
    write_text(path, json.dumps(found))
    assert main(arguments) == 0


def test_the_check_looks_again_where_a_section_was_disturbed(found, tmp_path, monkeypatch):
    write_text(tmp_path / "performance" / "cpu.json", json.dumps(found))
    ratios = {"stylegan2": [0.5, 0.9, 1.8], "chain": [1.8]}
    monkeypatch.setattr(bench_all, "CHECKED", tuple(ratios))
    monkeypatch.setattr(bench_all, "_sections", lambda args, device: {
        name: lambda left=left: {"1024_px": {**CASE, "cpu_ratio": left.pop(0)}} for name, left in ratios.items()})
    assert main(["bench", "check", "--out", str(tmp_path), "--device", "cpu"]) == 0
    assert ratios == {"stylegan2": [], "chain": []}


def test_all_writes_record_page_and_charts(monkeypatch, tmp_path):
    monkeypatch.setattr(bench_all, "_sections", lambda args, device: {"views": lambda: {"1_view": CASE}})
    assert main(["bench", "all", "--out", str(tmp_path), "--device", "cpu", "--json"]) == 0
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {"performance.md", "performance/cpu.json", "performance/cpu_views.svg"}


def test_a_missing_or_foreign_record_is_refused(tmp_path):
    with pytest.raises(InputError, match="There is no record .* make one on this machine"):
        record.read(tmp_path / "performance" / "cpu.json")
    write_text(tmp_path / "cpu.json", "[]")
    with pytest.raises(InputError, match="is no record"):
        record.read(tmp_path / "cpu.json")
    assert main(["bench", "page", "--out", str(tmp_path)]) == 1
