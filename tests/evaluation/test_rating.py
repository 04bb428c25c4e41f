"""Ratings of pictures by networks whose answers are known."""

import pytest
import torch

from ddgi.errors import InputError
from ddgi.evaluation.measure import Networks
from ddgi.evaluation.rating import Rating, rate

# Four pictures of one grey each: what the networks say is read off the grey.
GREY = torch.tensor([-1.0, 0.0, 0.5, 1.0])[:, None, None, None].expand(-1, 3, 4, 4)


def networks():
    def parse(pictures):
        classes = torch.zeros(len(pictures), 4, 4, dtype=torch.uint8)
        classes[pictures[:, 0] > 0.25] = 1      # bright is skin
        return classes

    def identity(pictures):
        angle = pictures.mean((1, 2, 3)) * torch.pi / 2
        return torch.stack([angle.cos(), angle.sin()], 1)

    def words(pictures, prompts):
        known = torch.tensor([float("nan") if "nothing" in prompt else 1.0 for prompt in prompts])
        return known * (pictures.mean((1, 2, 3)) + 1) / 2

    return Networks(None, None, identity, parse, words)


def test_words_drawing_and_likeness_are_what_the_networks_say():
    drawn = torch.zeros(1, 8, 8, dtype=torch.uint8)
    drawn[:, :4] = 1
    rating = rate(networks(), GREY, prompt="bright", drawn=drawn, reference=GREY[3:])
    assert rating.parts["words"].tolist() == [0.0, 0.5, 0.75, 1.0]
    # Half of the drawing is skin: all background hits it to (1/2 + 0) / 2, all skin alike.
    assert rating.parts["drawing"].tolist() == [0.25] * 4
    assert torch.allclose(rating.parts["likeness"], torch.tensor([0.0, 0.0, 0.5 ** 0.5, 1.0]), atol=1e-6)
    assert torch.allclose(rating.total, sum(rating.parts.values()) / 3)


def test_weights_make_the_score_and_the_best_come_first():
    rating = rate(networks(), GREY, prompt="bright", reference=GREY[:1], weights={"words": 3.0, "likeness": 1.0})
    assert torch.allclose(rating.total, torch.tensor([0.25, 0.375, 0.5625, 0.75]), atol=1e-6)
    assert rating.best(2) == [3, 2]
    assert rating.lines()[3] == "3: words 1.000, likeness 0.000, score 0.750"
    assert Rating({}, torch.tensor([1.0, 2.0, 2.0])).best(3) == [1, 2, 0]     # of equals the earlier one


@pytest.mark.parametrize("options, sentence", [
    ({}, "Nothing is given to score"),
    ({"prompt": "nothing"}, "names nothing that the demo judges know"),
    ({"prompt": "bright", "weights": {"words": 0.0}}, "weights of all scores are 0"),
    ({"reference": GREY[:2]}, "reference has 2 pictures and 4 are scored"),
])
def test_what_cannot_be_scored_is_refused(options, sentence):
    with pytest.raises(InputError, match=sentence):
        rate(networks(), GREY, **options)


def test_more_of_the_best_than_there_are_is_refused():
    with pytest.raises(InputError, match="ask for 1 to 2"):
        Rating({}, torch.ones(2)).best(3)
