"""Stages resume bit for bit, batches cover the data, losses are what they say."""

import pytest
import torch
from torch.nn import BatchNorm1d, Linear, Sequential

from ddgi.training.stage import EMA, Stage, batches, cosine_rate


def make_stage(folder, steps):
    torch.manual_seed(0)
    module = Sequential(Linear(4, 8), BatchNorm1d(8), Linear(8, 1))
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.01)
    stage = Stage("toy", steps, {"toy": module}, {"adam": optimizer}, folder, report=lambda line: None)

    def step_fn(step, rng):
        x = torch.randn(16, 4, generator=rng)
        loss = (module(x) - x.sum(1, keepdim=True)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return {"loss": loss.item()}

    return stage, module, step_fn


class Killed(Exception):
    pass


def test_a_resumed_stage_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
    stage, whole, step_fn = make_stage(tmp_path / "a", 30)
    stage.run(step_fn)
    stage.apply_ema()

    stage, _, step_fn = make_stage(tmp_path / "b", 30)
    stage.save_every = 0.0  # a checkpoint after every step

    def killed_at_17(step, rng):
        if step == 17:
            raise Killed
        return step_fn(step, rng)

    with pytest.raises(Killed):
        stage.run(killed_at_17)
    stage, resumed, step_fn = make_stage(tmp_path / "b", 30)
    assert stage.position == 17
    stage.run(step_fn)
    stage.apply_ema()
    for key, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key


def test_a_finished_stage_takes_no_step(tmp_path):
    stage, _, step_fn = make_stage(tmp_path, 5)
    stage.run(step_fn)
    stage, _, _ = make_stage(tmp_path, 5)
    stage.run(lambda step, rng: pytest.fail("a finished stage ran a step"))


def test_ema_follows_its_ramped_decay():
    module = Linear(1, 1, bias=False)
    module.weight.data.fill_(0.0)
    ema = EMA(module, decay=0.5)
    module.weight.data.fill_(1.0)
    ema.update(module)  # decay (1 + 1) / (10 + 1) = 2 / 11
    assert ema.shadow["weight"].item() == pytest.approx(9 / 11)
    for _ in range(50):
        ema.update(module)
    assert ema.shadow["weight"].item() == pytest.approx(1.0)


def test_cosine_rate_warms_up_and_ends_at_its_floor():
    assert cosine_rate(0, 1000, warmup=10) == pytest.approx(0.1)
    assert cosine_rate(10, 1000, warmup=10) == pytest.approx(1.0)
    assert cosine_rate(505, 1000, warmup=10) == pytest.approx(0.525)
    assert cosine_rate(1000, 1000, warmup=10) == pytest.approx(0.05)


def test_batches_visit_every_sample_once_per_epoch_in_a_new_order():
    epochs = [torch.cat([batches(12, 4, step, seed=1) for step in range(3 * e, 3 * e + 3)]) for e in range(2)]
    assert all(sorted(epoch.tolist()) == list(range(12)) for epoch in epochs)
    assert not torch.equal(*epochs)
