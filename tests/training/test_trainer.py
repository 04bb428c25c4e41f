"""The trainer on a toy world: exact resume, checkpoints that survive anything, frozen parts, targets of M and T."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from ddgi.errors import InputError
from ddgi.training.config import TrainConfig
from ddgi.training.encoder import OwnImages
from ddgi.training.watch import Watch

sys.path.append(str(Path(__file__).parent))
import trainer_toys as toys  # noqa: E402


class Stop(Exception):
    pass


def stop_at(name, step):
    def progress(what, done, total):
        if (what, done) == (name, step):
            raise Stop
    return Watch(progress=progress)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted training: (folder, bridge)."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, toys.trainer(folder).run()


def curves(folder, stage):
    lines = [json.loads(line) for line in (folder / f"{stage}.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


@pytest.mark.parametrize("cache", ["none", "disk"])
def test_stopped_in_both_stages_equals_uninterrupted_bit_for_bit(tmp_path, whole, cache):
    settings = toys.config(features={"cache": cache})
    reference_folder, reference = whole
    if cache == "disk":
        reference_folder = tmp_path / "whole"
        reference = toys.trainer(reference_folder, settings).run()
    for name, step in (("mapping", 6), ("modulation", 3)):
        with pytest.raises(Stop):
            toys.trainer(tmp_path / "parts", settings, stop_at(name, step)).run()
    resumed = toys.trainer(tmp_path / "parts", settings).run()
    for key, value in reference.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key
    for stage in ("mapping", "modulation"):
        assert curves(reference_folder, stage) == curves(tmp_path / "parts", stage)


def test_a_training_goes_on_from_a_bridge(tmp_path, whole):
    start = whole[1]
    trainer = toys.trainer(tmp_path, start=start)
    for key, value in start.state_dict().items():
        assert torch.equal(trainer.bridge.state_dict()[key], value), key
    bridge = trainer.run()
    # The statistics that the weights were learnt with stay; the weights go on.
    assert torch.equal(bridge.mapping.norm.mean, start.mapping.norm.mean)
    assert not torch.equal(bridge.mapping.head.linear.weight, start.mapping.head.linear.weight)
    with pytest.raises(InputError, match="was started with start = "):
        toys.trainer(tmp_path)


def test_a_bridge_of_other_sizes_is_no_start(tmp_path, whole):
    trainer = toys.trainer(tmp_path, toys.config(bridge={"mapping_width": 8}), start=whole[1])
    with pytest.raises(InputError, match=r"^The bridge to go on from has mapping_channels\.?"):
        trainer.run()


def test_kept_features_are_the_ones_that_would_be_computed(tmp_path):
    trainer = toys.trainer(tmp_path, toys.config(features={"cache": "disk"}))
    passes = trainer.passes("mapping")
    kept = trainer._kept("mapping", passes)
    before = trainer.encoder.encoded
    for number in (0, 9, 15):
        live, stored = passes.batch([number]), kept.batch([number])
        # Kept in half precision, and computed in another batch.
        assert torch.allclose(live.inputs.h, stored.inputs.h, rtol=1e-3, atol=1e-5)
        assert stored.inputs.f == stored.inputs.attention == ()  # M does not read them
        assert torch.equal(live.target, stored.target)
        assert torch.equal(live.ws, stored.ws)
    assert trainer.encoder.encoded == before + 3  # the stored ones took no pass


def test_kept_features_for_t_hold_all_that_it_reads(tmp_path):
    trainer = toys.trainer(tmp_path, toys.config(features={"cache": "disk"}))
    passes = trainer.passes("modulation")
    live, stored = passes.batch([3]), trainer._kept("modulation", passes).batch([3])
    for maps in (lambda b: b.inputs.h, lambda b: b.inputs.f[0], lambda b: b.inputs.attention[1]):
        assert torch.allclose(maps(live), maps(stored), rtol=1e-3, atol=1e-5)  # half precision


@pytest.mark.parametrize("cache", ["none", "disk"])
def test_m_and_t_learn_to_read_the_step_if_asked(tmp_path, cache):
    trainer = toys.trainer(tmp_path, toys.config(bridge={"timestep_channels": 4}, features={"cache": cache}))
    passes = trainer._kept("modulation", trainer.passes("modulation"))
    planned = [float(trainer.passes("modulation").plan(number).timestep) for number in (2, 5)]
    assert passes.batch([2, 5]).inputs.timestep.tolist() == planned
    bridge = trainer.run()
    for head in (bridge.mapping.head, bridge.modulation.gamma_head, bridge.modulation.beta_head):
        assert head.timestep.second.weight.abs().max() > 0     # it began at zero


def test_accumulated_parts_equal_one_large_batch(tmp_path):
    weights = []
    for part, (batch, accumulate) in enumerate(((4, 1), (2, 2))):
        settings = toys.config(mapping={"batch": batch, "accumulate": accumulate, "steps": 3, "rendered_share": 1.0})
        trainer = toys.trainer(tmp_path / str(part), settings)
        trainer.train_mapping()
        weights.append(trainer.bridge.mapping.head.linear.weight)
    assert torch.allclose(*weights, atol=2e-4)  # Adam divides by tiny second moments: rounding grows to ~rate / 20


def test_t_learns_from_finished_images_and_m_from_true_ones(tmp_path):
    trainer = toys.trainer(tmp_path, toys.config(modulation={"own_share": 1.0}))
    trainer.own.fill()
    m, t = trainer.passes("mapping").step(0, 6), trainer.passes("modulation", trainer.own).step(0, 6)
    assert torch.equal(m.target, m.true)
    plan = trainer.passes("modulation", trainer.own).plan(0)
    sample = trainer.passes("modulation", trainer.own).samples([plan])[0]
    finished = trainer.encoder.finish([sample.prompt], [sample.hint], [0])[0]
    assert (t.target[0] - finished).abs().max() <= 1 / 255  # kept as bytes
    assert torch.equal(t.true[0], sample.image)


@pytest.mark.parametrize("described", [True, False])
def test_a_finished_image_has_the_samples_latent_only_if_its_prompt_tells_of_the_sample(tmp_path, described):
    trainer = toys.trainer(tmp_path, toys.config(modulation={"own_share": 0.5}), described=described)
    trainer.own.fill()
    passes = trainer.passes("modulation", trainer.own)
    own = torch.tensor([passes.plan(number).own for number in range(16)])
    assert 0 < own.sum() < 16
    assert torch.equal(passes.step(0, 16).has_w, ~own | described)


def test_targets_lose_their_background_for_generators_that_draw_heads_alone(tmp_path):
    plain, alone = (toys.trainer(tmp_path / str(flag), on_white=flag).passes("mapping").step(0, 4)
                    for flag in (False, True))
    background = (plain.true[:, :1] <= 0).expand_as(plain.true)
    assert torch.equal(alone.target, torch.where(background, 1.0, plain.target))
    assert torch.equal(alone.true, alone.target)
    assert torch.equal(alone.inputs.h, plain.inputs.h)  # E sees the whole picture


def test_finished_images_are_made_once(tmp_path):
    trainer = toys.trainer(tmp_path)
    trainer.own.fill()
    assert trainer.encoder.finished == len(trainer.own) == 8
    again = OwnImages(trainer.train, trainer.encoder, tmp_path / "own", 8, trainer.own.seed)
    again.fill()
    assert trainer.encoder.finished == 8


def test_frozen_parts_take_no_gradient_and_keep_their_weights(tmp_path):
    trainer = toys.trainer(tmp_path)
    trainer.train_mapping()
    frozen = {k: v.clone() for k, v in trainer.bridge.mapping.state_dict().items()}
    weights = {k: v.clone() for k, v in trainer.space.generator.state_dict().items()}
    trainer.train_modulation()
    for part in (trainer.bridge.mapping, trainer.space.generator):
        assert all(p.grad is None and not p.requires_grad for p in part.parameters())
    assert all(torch.equal(v, frozen[k]) for k, v in trainer.bridge.mapping.state_dict().items())
    assert all(torch.equal(v, weights[k]) for k, v in trainer.space.generator.state_dict().items())


def test_training_lowers_the_held_out_loss(whole):
    scores = [line["held_out"]["loss"] for line in curves(whole[0], "mapping") if "held_out" in line]
    assert len(scores) == 2  # after steps 5 and 8
    assert scores[-1] < 0.99 * scores[0]


def test_the_record_says_what_was_done_and_what_was_left_out(whole):
    record = whole[1].record
    assert record["left_out"] == ["identity: no face-recognition file was given"]
    assert record["config"]["mapping"]["steps"] == 8
    assert record["stages"]["modulation"]["step"] == 4
    assert record["data"] == {"source": "toy", "items": 40}
    assert "identity" not in record["stages"]["mapping"]


def test_a_stage_stops_early_with_its_best_weights(tmp_path):
    settings = toys.config(patience=1, evaluate_every=1, mapping={"steps": 20, "rate": 3.0, "clip": 0.0})
    trainer = toys.trainer(tmp_path, settings)
    trainer.train_mapping()  # this rate makes it worse within a few steps
    scores = [line["held_out"]["loss"] for line in curves(tmp_path, "mapping") if "held_out" in line]
    assert len(scores) < 20
    assert scores[-1] > min(scores)
    kept = trainer.bridge.mapping.head.linear.weight.clone()
    best = trainer.trainer("mapping", None).best  # from the checkpoint
    assert best.best == pytest.approx(min(scores), rel=1e-4)
    assert torch.equal(kept, best.weights["head.linear.weight"])


def test_other_choices_in_the_same_folder_are_refused_by_name(whole):
    with pytest.raises(InputError, match=r"config.mapping.rate = 0.003, and now it is 0.1"):
        toys.trainer(whole[0], toys.config(mapping={"rate": 0.1}))
    toys.trainer(whole[0], toys.config(save_every=5.0))  # changes no number that is trained


def test_a_loss_that_is_not_finite_stops_with_a_sentence(tmp_path):
    trainer = toys.trainer(tmp_path)
    trainer.bridge.mapping.head.linear.bias.data.fill_(float("inf"))
    with pytest.raises(InputError, match="The loss of mapping is nan at step 0; lower its rate"):
        trainer.train_mapping()


@pytest.mark.parametrize("asked, seen, size", [(0, 4, 4), (0, 512, 8), (6, 4, 6)])
def test_pictures_are_compared_at_the_size_that_the_diffusion_model_sees(tmp_path, monkeypatch, asked, seen, size):
    monkeypatch.setattr(toys.ToyEncoder, "size", seen)      # the toy generator draws 8 px
    assert toys.trainer(tmp_path, toys.config(loss_resolution=asked)).objective("modulation").size == size


def test_m_renders_nothing_where_latents_are_known_and_t_does(tmp_path):
    as_it_is = {"known_rendered": TrainConfig().mapping.known_rendered}
    trainer = toys.trainer(tmp_path, toys.config(mapping=as_it_is))
    batch = next(trainer.trainer("mapping", None).held_out_batches())
    seen = {name: trainer.objective(name)(batch.ws, batch)[1].keys() for name in ("mapping", "modulation")}
    assert seen["mapping"] == {"loss", "known_w", "w_avg"} and seen["modulation"] >= {"pixel", "perceptual"}


def test_previews_show_targets_and_results_side_by_side(tmp_path):
    seen = []
    trainer = toys.trainer(tmp_path, watch=Watch(preview=lambda *values: seen.append(values)))
    trainer.train_mapping()
    assert [(stage, step) for stage, step, _ in seen] == [("mapping", 5), ("mapping", 8)]
    pictures = seen[-1][2]
    assert pictures.shape == (2, 4, 3, 8, 8)
    assert torch.equal(pictures[0], next(trainer.trainer("mapping", None).held_out_batches()).target)


def test_a_disk_that_fills_up_is_one_sentence_and_the_last_checkpoint_stays(tmp_path):
    trainer = toys.trainer(tmp_path, watch=stop_at("mapping", 4))
    with pytest.raises(Stop):
        trainer.train_mapping()
    before = (tmp_path / "mapping.pt").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))  # the kernel refuses longer files
    try:
        with pytest.raises(InputError, match=r"mapping.pt could not be written \(File too large\); this was the "
                                             "checkpoint of step 8, the one before it is whole: free"):
            toys.trainer(tmp_path).train_mapping()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert (tmp_path / "mapping.pt").read_bytes() == before
    assert not list(tmp_path.glob(".*.part"))
    assert toys.trainer(tmp_path).trainer("mapping", None).stage.position == 4


def test_kill_9_leaves_a_checkpoint_that_goes_on(tmp_path):
    script = ("import sys; sys.path[:0] = sys.argv[2:]; import trainer_toys as toys\n"
              "settings = toys.config(save_every=0.0, mapping={'steps': 100000})\n"
              "toys.trainer(sys.argv[1], settings).train_mapping()")
    root = Path(__file__).resolve().parents[2]
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(Path(__file__).parent), str(root)],
                             stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not (tmp_path / "mapping.pt").exists() and time.monotonic() < deadline and child.poll() is None:
        time.sleep(0.05)
    time.sleep(0.3)
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL, child.stderr.read().decode()
    settings = toys.config(save_every=0.0, mapping={"steps": 100000})
    stage = toys.trainer(tmp_path, settings).trainer("mapping", None).stage
    assert stage.position >= 1
    assert not list(tmp_path.glob(".mapping.pt.*.part"))  # what the killed run left is cleared away


def test_a_broken_checkpoint_is_named(tmp_path):
    with pytest.raises(Stop):
        toys.trainer(tmp_path, watch=stop_at("mapping", 2)).run()
    path = tmp_path / "mapping.pt"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="mapping.pt does not fit this training .*; delete it to start this stage"):
        toys.trainer(tmp_path).run()


def test_progress_is_told_in_words(tmp_path):
    lines = []
    toys.trainer(tmp_path, watch=Watch(report=lines.append)).train_mapping()
    assert re.fullmatch(r"mapping: step 4 of 8, less than a minute left, loss \d\.\d{4}, pixel .*", lines[0])
    assert re.fullmatch(r"mapping: step 5 of 8, less than a minute left, score \d\.\d{3,} \(best\)", lines[1])
    assert re.fullmatch(r"mapping: step 8 of 8, score \d\.\d{3,} \(best\)", lines[2])
