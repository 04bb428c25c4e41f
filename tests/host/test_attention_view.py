"""DDGI Attention View on the demo models: the words of a prompt as pictures and masks."""

import pytest
import torch

PROMPT = "a smiling woman with short hair, spectacles"


@pytest.fixture(scope="module")
def features(nodes):
    model, clip, *_ = nodes["LoadDemoModels"].execute().args
    with torch.inference_mode():
        positive = nodes["Prompt"].execute(clip, PROMPT).args[0]
        empty = {"samples": torch.zeros(2, 4, 16, 16)}
        return nodes["EncodeImage"].execute(model, positive, 1.0, 0, latent=empty).args[0]


@pytest.fixture
def view(nodes, features, monkeypatch):
    monkeypatch.setattr(nodes["AttentionView"], "hidden", None, raising=False)
    def run(words="", **changes):
        values = {"step": "last", "step_index": 0, "stage": 0, "contrast": True, "threshold": 0.0, **changes}
        return nodes["AttentionView"].execute(features, words, **values).args
    return run


def test_every_word_is_shown_as_the_prompt_spells_it(view, features):
    overlays, masks, words = view(image=torch.ones(2, 24, 32, 3))
    assert words.split("\n") == ["a", "smiling", "woman", "with", "short", "hair", "spectacles"]
    assert overlays.shape == (14, 24, 32, 3) and masks.shape == (14, 24, 32)
    assert sum(len(word.tokens) for word in features.spelling) == int(features.words[0].sum()) - 1    # the comma


def test_chosen_words_are_those_of_all_words_and_phrases_join_them(view):
    every = view()[1].unflatten(0, (7, 2))
    some, phrase = view("Hair, spectacles")[1], view("short hair")[1]
    assert torch.equal(some, every[5:7].flatten(0, 1))
    assert torch.equal(phrase, every[4:6].amax(0))
    hard = view("short hair", threshold=0.5)[1]
    assert torch.equal(hard, (phrase >= 0.5).float()) and 0 < hard.mean() < 1


def test_stages_differ_and_a_white_picture_shows_the_mask(view):
    coarse, fine = view("hair", stage=1)[1], view("hair", stage=2)[1]
    assert not torch.allclose(coarse, fine, atol=0.05)
    overlays, masks, _ = view("hair", image=torch.ones(1, 64, 64, 3))
    assert torch.allclose(overlays[..., 0], 0.35 + 0.65 * masks, atol=1 / 254)      # one level of a byte


def test_unknown_words_and_prompts_of_others_are_refused(view, nodes, features, pack):
    error = __import__(f"{pack.__name__}.ddgi.errors", fromlist=["InputError"]).InputError
    with pytest.raises(error, match="does not have 'long hair'.*short, hair, spectacles"):
        view("long hair")
    with pytest.raises(error, match="DDGI Prompt"):
        other = __import__("dataclasses").replace(features, spelling=())
        nodes["AttentionView"].execute(other, "", "last", 0, 0, True, 0.0)
