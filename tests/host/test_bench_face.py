"""The benchmarks from a drawing to a face: what they count and report; never how long things take."""

import importlib

import pytest


@pytest.fixture(scope="module")
def bench(pack):
    pack.host.folders.register()
    return importlib.import_module(f"{pack.__name__}.host.benchmark.face")


def test_every_part_of_a_pass_has_its_share(pack, bench):
    cases = bench.encode_costs(pack.host.folders.DEMO, 2)
    parts = {"hint", "control_net", "unet", "bridge", "render", "jpeg"}
    assert cases.keys() == {"face", "rest", "text"} | parts
    assert all(cases[name]["seconds"] > 0 and cases[name]["cpu_seconds"] > 0 for name in parts)
    assert sum(cases[name]["share"] for name in parts | {"rest"}) == pytest.approx(1)


def test_every_face_has_another_drawing_and_seed(bench):
    requests = bench._requests()
    first, second = next(requests), next(requests)
    assert first.drawing != second.drawing and first.seed != second.seed


def test_a_pass_stands_beside_a_sampling_run(pack, bench, monkeypatch):
    monkeypatch.setattr(bench, "STEPS", 2)
    cases = bench.chain_costs(pack.host.folders.DEMO, 1)
    assert cases.keys() == {"face", "head"}
    assert all(case["ratio"] == case["plain_seconds"] / case["seconds"] for case in cases.values())
