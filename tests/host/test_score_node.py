"""DDGI Score and DDGI Best of Batch on heads whose words and masks are known, with the demo judges."""

import pytest
import torch

SEEDS = range(5)


@pytest.fixture(scope="module")
def heads(pack):
    from importlib import import_module

    data = import_module(f"{pack.__name__}.ddgi.training.data.heads").HeadWorld(SEEDS, 64)
    rows = data.rows(list(SEEDS))
    return data, rows["image"].movedim(1, -1).float() / 255, rows["mask"]


@pytest.fixture
def score(nodes, heads, monkeypatch):
    monkeypatch.setattr(nodes["Score"], "hidden", None, raising=False)

    def run(prompt="", **given):
        judges = {"clip": "demo judges", "parser": "demo judges", "identity": "demo judges"}
        weights = {f"{name}_weight": 1.0 for name in ("words", "drawing", "likeness")}
        return nodes["Score"].execute(heads[1], prompt, **{**judges, **weights, **given}).args
    return run


def test_the_head_that_was_asked_for_wins_by_words_drawing_and_likeness(score, heads, nodes, pack):
    data, image, masks = heads
    hints = pack.nodes.masks.facemask.mask_to_hint(masks)
    for row in SEEDS:
        prompt = data.sample(row, torch.Generator().manual_seed(0)).prompt
        scores, mean, report = score(prompt, drawing=hints[row:row + 1], reference=image[row:row + 1])
        assert set(scores.parts) == {"words", "drawing", "likeness"} and scores.best(1) == [row]
        assert scores.parts["likeness"][row] == pytest.approx(1.0, abs=1e-5)
        assert mean == pytest.approx(scores.total.mean().item()) and len(report.split("\n")) == len(SEEDS)


def test_the_best_keep_their_latents(score, heads, nodes, pack):
    scores = score(reference=heads[1][3:4])[0]
    latent = pack.nodes.score.GanLatent(torch.arange(5.0)[:, None, None].expand(-1, 2, 4), "print", "toy")
    image, kept, numbers = nodes["BestOfBatch"].execute(heads[1], scores, 2, latent).args
    best = scores.best(2)
    assert best[0] == 3 and numbers == f"3, {best[1]}"
    assert torch.equal(image, heads[1][best]) and kept.ws[:, 0, 0].tolist() == [float(number) for number in best]


def test_other_batches_and_missing_files_are_refused(score, heads, nodes, pack):
    scores = score("a man")[0]
    with pytest.raises(pack.nodes.score.InputError, match="has 4 faces and the scores are of 5"):
        nodes["BestOfBatch"].execute(heads[1][:4], scores, 1)
    blocked = nodes["BestOfBatch"].execute(heads[1], scores, 1).args[1]
    assert "connect the faces" in blocked.message
    message = nodes["Score"].validate_inputs("missing.safetensors", "demo judges", "demo judges")
    assert "models/ddgi/clip" in message.replace("\\", "/") and "whole CLIP" in message
