"""What the demo's diffusion model is taught with: sentences that name some things, hints that show some."""

import pytest
import torch

from ddgi.demo.directions import attribute_directions, direction_loss
from ddgi.demo.drawings import draw_hints
from ddgi.demo.prompts import VALUES, Prompts, draw_prompts
from ddgi.demo.text import NamedHeads
from ddgi.headworld import STYLES, named_attributes
from ddgi.palette import CLASS_NAMES, PALETTE
from ddgi.training.data.heads import HeadWorld


@pytest.fixture(scope="module")
def heads():
    return HeadWorld(range(48), 32, drawn_share=0.5)


def sentences(heads, seed=0):
    found = []

    def tokenize(text):
        found.append(text)
        return [0] * 77

    attributes, styles = heads.looks()
    return found, draw_prompts(attributes, styles, tokenize, torch.Generator().manual_seed(seed))


def test_a_sentence_names_what_it_is_said_to_name_and_nothing_else(heads):
    texts, prompts = sentences(heads)
    for text, row in zip(texts, prompts.named.tolist()):
        wanted = {name: values[value] for (name, values), value in zip(VALUES.items(), row) if value >= 0}
        if wanted.get("hair_style") == "bald":
            wanted["hair_colour"] = "none"
        assert named_attributes(text) == wanted, text


def test_some_sentences_name_all_some_and_nothing(heads):
    texts, prompts = sentences(heads)
    counts = (prompts.named >= 0).sum(1)
    assert "" in texts
    assert (counts <= 2).sum() >= 4 and (counts >= 5).sum() >= 20
    assert any(value == 0 for row in prompts.named[:, 5:10].tolist() for value in row)  # "without glasses"


def test_a_drawn_style_is_named_by_every_sentence_but_the_empty_one(heads):
    texts, prompts = sentences(heads)
    for text, style, named in zip(texts, heads.looks()[1].tolist(), prompts.named[:, -1].tolist()):
        assert named == (style if text and style else -1)


def told(heads, named):
    """Prompts that name everything, or nothing."""
    attributes, styles = heads.looks()
    values = torch.cat([attributes, styles[:, None]], 1)
    return Prompts(torch.zeros(len(values), 77, dtype=torch.long), values if named else torch.full_like(values, -1))


@pytest.mark.parametrize("named", [True, False])
def test_a_part_is_left_out_of_a_drawing_only_where_the_words_name_it(heads, named):
    rows = heads.rows(range(len(heads)))
    masks = rows["mask"]
    glasses = CLASS_NAMES.index("eyeglasses")
    missing = 0
    for seed in range(4):
        hints = draw_hints(masks, rows["lines"], told(heads, named), torch.Generator().manual_seed(seed))
        for hint, mask, keep in zip(hints.hint, masks, hints.keep.flatten()):
            if keep and (mask == glasses).sum() >= 6 and len(hint.unique()) > 2:  # a coloured mask
                colours = (hint.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
                missing += int(not (colours == PALETTE[glasses]).all(-1).any())
    assert missing > 0 if named else missing == 0


def test_hints_are_none_rough_and_exact(heads):
    rows = heads.rows(range(len(heads)))
    hints = draw_hints(rows["mask"], rows["lines"], told(heads, True), torch.Generator().manual_seed(0))
    kept = hints.keep.flatten() > 0
    assert 10 < kept.sum() < 40 and hints.exact.sum() >= 5
    assert not (hints.exact & ~kept).any()
    assert (hints.hint[~kept] == 1).all()


def test_directions_read_the_value_they_stand_for():
    """Latents whose first number holds the glasses: that direction finds them, and an error along it counts fully."""
    rng = torch.Generator().manual_seed(0)
    attributes = torch.stack([torch.randint(len(values), (400,), generator=rng)
                              for name, values in VALUES.items() if name != "style"], 1)
    latents = torch.randn(400, 2, 2, 2, generator=rng) * 0.5
    latents[:, 0, 0, 0] = attributes[:, 6].float()
    directions = attribute_directions(latents, attributes, torch.zeros(400))
    assert directions.shape == (len(STYLES), sum(len(v) for n, v in VALUES.items() if n != "style"), 8)
    place = sum(len(values) for values in list(VALUES.values())[:6]) + 1            # glasses: yes
    reading = (latents.flatten(1) - latents.flatten(1).mean(0)) @ directions[0, place]
    assert torch.equal(reading > reading.mean(), attributes[:, 6] == 1)
    assert abs(reading.std().item() - 2 ** 0.5) < 1e-3                              # glasses count twice
    assert (directions[1:] == 0).all()                                              # no head of another style
    error = torch.zeros(1, 2, 2, 2)
    error[0, 0, 0, 0] = 1.0
    glasses = directions[:, place:place + 1]
    along = direction_loss(glasses, torch.zeros(1), error)
    elsewhere = direction_loss(glasses, torch.zeros(1), error.roll(1, -1))
    assert along > 10 * elsewhere


def test_the_heads_read_the_end_token_and_the_padding_behind_it():
    heads = NamedHeads(4)
    tokens = torch.full((2, 77), 9)
    tokens[0, :4], tokens[1, :6] = torch.tensor([8, 1, 2, 9]), torch.tensor([8, 1, 2, 3, 4, 9])
    context = torch.randn(2, 77, 4, generator=torch.Generator().manual_seed(0))
    before = torch.cat(heads(context, tokens), 1)
    changed = context.clone()
    changed[0, :3], changed[1, :5] = 5.0, 5.0                                       # words alone
    assert torch.equal(torch.cat(heads(changed, tokens), 1), before)
    changed[:, 76] += 1.0
    assert not torch.allclose(torch.cat(heads(changed, tokens), 1), before)
