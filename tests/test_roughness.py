import pytest
import torch

from ddgi.headworld import render_batch
from ddgi.palette import CLASS_NAMES
from ddgi.pictures import fill_nearest
from ddgi.roughness import leave_out, rough_mask, rough_scribble
from ddgi.sketch import GROUPS, Sketch


@pytest.fixture(scope="module")
def heads():
    return render_batch(range(12), 64)


def drawings(mask, count=8, draw=rough_mask, **keep):
    rng = torch.Generator().manual_seed(1)
    return torch.stack([draw(mask, rng, **keep) for _ in range(count)])


def number(name):
    return CLASS_NAMES.index(name)


def test_fill_takes_the_nearest_known_class():
    classes = torch.tensor([[1, 0, 0, 0, 7]], dtype=torch.uint8)
    unknown = torch.tensor([[False, True, True, True, False]])
    assert fill_nearest(classes, unknown).tolist() == [[1, 1, 7, 7, 7]]


def test_what_is_left_out_is_gone_and_nothing_else_changes(heads):
    mask = heads.mask[3]  # a woman with glasses
    without = leave_out(mask, ["glasses"])
    worn = mask == number("eyeglasses")
    assert worn.any() and not (without == number("eyeglasses")).any()
    assert torch.equal(without[~worn], mask[~worn])


def test_the_same_stream_draws_the_same(heads):
    assert torch.equal(drawings(heads.mask[0]), drawings(heads.mask[0]))


def test_drawings_differ_from_the_mask_and_from_each_other_but_show_the_same_head(heads):
    for mask in heads.mask[:4]:
        drawn = drawings(mask)
        changed = (drawn != mask).float().mean((1, 2))
        assert changed.min() > 0.01
        # Places move by up to a twentieth of the side, so borders differ; most of the picture does not.
        assert changed.max() < 0.35
        assert len({picture.numpy().tobytes() for picture in drawn}) == len(drawn)


@pytest.mark.parametrize("group", ["glasses", "hat", "earrings", "necklace", "mouth"])
def test_what_is_kept_is_drawn_and_what_is_not_worn_never_is(heads, group):
    numbers = torch.tensor([number(name) for name in GROUPS[group]])
    for mask in heads.mask:
        drawn = torch.isin(drawings(mask, 4, keep={group}).long(), numbers).flatten(1).any(1)
        worn = torch.isin(mask.long(), numbers).sum()
        if worn == 0:
            assert not drawn.any()
        elif worn >= 12:
            assert drawn.all()


def test_a_drawn_mouth_bends_as_the_true_one_does(heads):
    """Lower corners (a sad mouth) or higher ones (a smile), seen over drawings of both kinds."""
    bend = [Sketch(mask.numpy(), None, set()).mouth_curve() for mask in heads.mask]
    for index, (mask, caption) in enumerate(zip(heads.mask, heads.captions)):
        drawn = [Sketch(picture.numpy(), None, set()).mouth_curve() for picture in drawings(mask, 6, keep={"mouth"})]
        if "sad" in caption:
            assert bend[index] > 0.05 and sum(drawn) > 0
        if "smiling" in caption or "happy" in caption:
            assert bend[index] < -0.05 and sum(drawn) < 0


def test_a_mouth_whose_middle_is_hidden_is_drawn_straight():
    mask = torch.ones(64, 64, dtype=torch.uint8)
    mask[40, 20:24] = mask[44, 40:44] = number("upper lip")
    assert Sketch(mask.numpy(), None, set()).mouth_curve() == 0.0
    assert (rough_mask(mask, torch.Generator().manual_seed(0), keep={"mouth"}) == number("upper lip")).any()


def test_scribbles_are_lines(heads):
    lines = drawings(heads.mask[0], draw=rough_scribble)
    assert lines.dtype == torch.bool and lines.shape == (8, 64, 64)
    share = lines.float().mean((1, 2))
    assert share.min() > 0.02 and share.max() < 0.4


def test_larger_masks_keep_their_size():
    mask = render_batch([3], 192).mask[0]
    assert rough_mask(mask, torch.Generator().manual_seed(0)).shape == (192, 192)
