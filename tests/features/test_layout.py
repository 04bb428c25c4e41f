"""The description of a network, and the one rule by which features belong to a bridge."""

import json
from dataclasses import replace

import pytest

from ddgi.errors import InputError
from ddgi.features import FeatureLayout, StageLayout

LAYOUT = FeatureLayout("custom", 8, (StageLayout(6, 2, (0, 1), 2), StageLayout(4, 1, (2, 3), 2)), (4, 6), 24)


def changed_stage(**changes) -> FeatureLayout:
    return replace(LAYOUT, stages=(replace(LAYOUT.stages[0], **changes), LAYOUT.stages[1]))


def test_it_comes_back_from_json():
    assert FeatureLayout.from_config(json.loads(json.dumps(LAYOUT.to_config()))) == LAYOUT
    with pytest.raises(InputError, match="not a feature layout"):
        FeatureLayout.from_config({"family": "sd1"})


@pytest.mark.parametrize("other, difference", [
    (replace(LAYOUT, family="sd2"), "U-Net family sd2 in the place of custom"),
    (replace(LAYOUT, middle_channels=9), "middle channels 9 in the place of 8"),
    (replace(LAYOUT, stages=LAYOUT.stages[:1]), r"decoder channels [6] in the place of [6, 4]"),
    (changed_stage(channels=5), "decoder channels [5, 4] in the place of [6, 4]"),
    (changed_stage(downsample=4), "decoder downsampling [4, 1] in the place of [2, 1]"),
    (changed_stage(attention_layers=3), "attention layers [3, 2] in the place of [2, 2]"),
    (replace(LAYOUT, context_channels=32), "prompt channels 32 in the place of 24"),
])
def test_another_network_is_told_by_its_first_difference(other, difference):
    assert LAYOUT.mismatch(other) == difference
    assert other.mismatch(LAYOUT) is not None


@pytest.mark.parametrize("other", [
    LAYOUT.at((9, 9)), changed_stage(blocks=(4, 5)), replace(LAYOUT, context_channels=None),
    FeatureLayout("custom", 8, (StageLayout(6), StageLayout(4))),
], ids=["latent size", "block numbers", "prompt channels not known", "sizes not known"])
def test_what_does_not_matter_or_is_not_known_fits(other):
    assert LAYOUT.mismatch(other) is None
    assert other.mismatch(LAYOUT) is None


@pytest.mark.parametrize("wrong", [{"channels": 0}, {"downsample": 0}, {"attention_layers": 0}, {"blocks": ()}])
def test_a_stage_without_size_is_refused(wrong):
    with pytest.raises(InputError, match="needs positive sizes and at least one block"):
        changed_stage(**wrong)
