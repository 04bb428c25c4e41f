"""The capture benchmark: what it counts and reports; never how long things take."""

import importlib

import pytest
import torch

import ddgi.features
from ddgi.stopwatch import Stopwatch


@pytest.fixture(scope="module")
def bench(pack):
    return importlib.import_module(f"{pack.__name__}.host.benchmark.capture")


def test_it_times_captured_and_plain_steps(pack, bench, tiny):
    result = bench.capture_costs(tiny.model(), 8, 5, 2.0)
    assert len(result["captured_step_seconds"]) == len(result["plain_step_seconds"]) == 2
    assert len(result["captured_step_peak_mib"]) == len(result["plain_step_peak_mib"]) == 2
    assert result["capture_overhead"] > -1.0
    with pytest.raises(ddgi.InputError, match="1 \\+ a multiple of 4"):
        bench.capture_costs(tiny.model(), 8, 6, 2.0)


def test_it_says_what_a_kept_step_holds_and_how_busy_the_machine_was(bench, tiny):
    result = bench.capture_costs(tiny.model(), 8, 5, 2.0)
    assert len(result["plain_step_cpu_seconds"]) == 2 and 0 <= result["busy"] <= 1
    tap = bench.FeatureTap(ddgi.features.StepSelection("list", indices=(0, 1)))
    bench.sample_once(tap.attach(tiny.model()), 8, 2, 2.0)
    assert bench.kept_mib(tap.features()) == 2 * result["kept_mib_per_step"] > 0


def test_it_sees_every_piece_of_the_captures_own_work(pack, bench, tiny):
    model = tiny.model()
    stages = ddgi.features.FeatureLayout.of(model.model.diffusion_model).stages
    tap = pack.host.capture.run.FeatureTap(ddgi.features.StepSelection("last"))
    with Stopwatch(torch.device("cpu")).watching(bench.OWN_WORK) as seconds:
        bench.sample_once(tap.attach(model), 8, 2, 2.0)
    # h once; f once a stage; output and words once for each of a stage's attention layers (two in this U-Net).
    counts = {name: len(times) for name, times in seconds.items()}
    layers = 2 * len(stages)
    assert counts == {"middle": 1, "end": len(stages), "output": layers, "words": layers}
    bench.sample_once(tap.attach(model), 8, 2, 2.0)
    assert {name: len(times) for name, times in seconds.items()} == counts      # the watch is over
