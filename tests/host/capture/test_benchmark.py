"""The capture benchmark: what it counts and reports; never how long things take."""

import importlib

import pytest
import torch

import ddgi.features


@pytest.fixture(scope="module")
def bench(pack):
    return importlib.import_module(f"{pack.__name__}.host.benchmark.capture")


def test_it_times_captured_and_plain_steps(pack, bench, tiny):
    result = bench.capture_costs(tiny.model(), 8, 5, 2.0)
    assert len(result["captured_step_seconds"]) == len(result["plain_step_seconds"]) == 2
    assert result["capture_overhead"] > -1.0
    with pytest.raises(ddgi.InputError, match="1 \\+ a multiple of 4"):
        bench.capture_costs(tiny.model(), 8, 6, 2.0)


def test_it_sees_every_piece_of_the_captures_own_work(pack, bench, tiny):
    model = tiny.model()
    stages = ddgi.features.FeatureLayout.of(model.model.diffusion_model).stages
    tap = pack.host.capture.run.FeatureTap(ddgi.features.StepSelection("last"))
    with bench.own_work(torch.device("cpu")) as seconds:
        bench.sample_once(tap.attach(model), 8, 2, 2.0)
    # h once; f once a stage; output and words once for each of a stage's attention layers (two in this U-Net).
    assert len(seconds) == 1 + len(stages) + 2 * 2 * len(stages)
    bench.sample_once(tap.attach(model), 8, 2, 2.0)
    assert len(seconds) == 1 + len(stages) + 2 * 2 * len(stages)    # the watch is over
