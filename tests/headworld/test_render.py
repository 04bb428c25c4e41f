import pytest
import torch

from ddgi.cameras import look_at_label, rays_from_label
from ddgi.errors import InputError
from ddgi.headworld import contact_sheet, render_batch, scribble_from_mask_and_depth, stack_seeds
from ddgi.headworld.render import FAR_DEPTH


@pytest.fixture(scope="module")
def batch():
    return render_batch(range(6), 32)


def test_shapes_and_ranges(batch):
    assert batch.image.shape == (6, 3, 32, 32)
    assert batch.image.abs().max() <= 1
    assert batch.image.std() > 0.2
    assert batch.mask.shape == (6, 32, 32)
    assert batch.mask.dtype == torch.uint8
    assert batch.depth.shape == batch.scribble.shape == (6, 1, 32, 32)
    assert batch.label.shape == (6, 25)
    assert len(batch.captions) == 6
    assert batch.attributes.dtype == torch.int64


def test_batch_equals_singles(batch):
    singles = [render_batch([seed], 32) for seed in range(6)]
    image = torch.cat([single.image for single in singles])
    mask = torch.cat([single.mask for single in singles])
    # Sums are ordered differently in larger matrix products; a ray that grazes an edge may then fall
    # on the other side of it.
    assert ((image - batch.image).abs().amax(1) > 2 / 127.5).float().mean() < 0.002
    assert (mask != batch.mask).float().mean() < 0.002
    assert [single.captions[0] for single in singles] == batch.captions


def test_same_seed_same_picture(batch):
    again = render_batch(stack_seeds(range(6)), 32)
    assert torch.equal(again.image, batch.image)
    assert torch.equal(again.mask, batch.mask)


def test_all_classes_occur():
    seen = render_batch(range(64), 24).mask
    assert torch.bincount(seen.flatten().long(), minlength=19).gt(0).all()


def test_left_classes_lie_on_the_left_of_a_frontal_picture():
    zero = torch.zeros(8)
    mask = render_batch(range(8), 48, cameras=look_at_label(zero, zero)).mask
    columns = torch.arange(48).expand_as(mask)
    for left, right in ((4, 5), (6, 7), (8, 9)):
        assert columns[mask == left].max() < 24 <= columns[mask == right].min()


def test_the_inner_mouth_lies_between_the_lips_and_eyes_are_whole():
    """Class 10 once stood at the inner corners of the eyes, where eyeballs end before their lids do."""
    mask = render_batch(range(16), 96).mask
    rows = torch.arange(96)[:, None].expand_as(mask)
    for face in mask:
        inner, lips = face == 10, (face == 11) | (face == 12)
        if inner.any():
            assert rows[0][lips].min() <= rows[0][inner].min()
            assert rows[0][inner].max() <= rows[0][lips].max()
    assert (mask == 10).any(2).any(1).sum() >= 6  # smiles and surprise open mouths


def test_scribble_is_binary_and_thin(batch):
    assert set(batch.scribble.unique().tolist()) == {0.0, 1.0}
    assert batch.scribble_image.shape == (6, 3, 32, 32)
    fine = render_batch([3], 128).scribble
    assert 0.01 < fine.mean() < 0.12


def test_scribble_draws_the_border_of_a_square():
    mask = torch.zeros(1, 6, 6, dtype=torch.uint8)
    mask[:, 2:4, 2:4] = 1
    lines = scribble_from_mask_and_depth(mask)[0, 0].bool()
    expected = torch.tensor([[0, 0, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 1, 0, 1, 0, 0],
                             [0, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]).bool()
    assert torch.equal(lines, expected)


def test_depth_of_two_cameras_meets_the_same_surface():
    """Front-view points, projected into a second camera, lie at the depth seen there."""
    size, seed = 128, 8
    angle = torch.tensor([0.0, 0.12])
    labels = look_at_label(angle, torch.zeros(2))
    out = render_batch([seed, seed], size, cameras=labels)
    origins, rays = rays_from_label(labels, size)
    points = origins[0] + rays[0] * out.depth[0].reshape(-1, 1)
    pose = labels[1, :16].reshape(4, 4)
    local = (points - pose[:3, 3]) @ pose[:3, :3]
    pixel = (local[:, :2] / local[:, 2:] * 4.2647 + 0.5) * size - 0.5
    column, row = pixel.round().long().clamp(0, size - 1).unbind(1)
    other = out.depth[1, 0][row, column]
    surface = (out.depth[0].flatten() < FAR_DEPTH) & (other < FAR_DEPTH)
    error = (local.norm(dim=1) - other).abs()[surface]
    # Half a pixel is 0.0025 world units; surfaces slope, and a few points are hidden from the other side.
    assert error.median() < 0.003
    assert (error < 0.02).float().mean() > 0.93


def test_depth_is_that_of_the_pixel_centre_when_drawn_at_twice_the_size():
    zero = torch.zeros(1)
    small = render_batch([8], 64, cameras=look_at_label(zero, zero)).depth
    large = render_batch([8], 128, cameras=look_at_label(zero, zero)).depth
    mean = torch.nn.functional.avg_pool2d(large, 2)
    assert (small - mean).abs()[small < FAR_DEPTH].median() < 1e-5


def test_heads_are_solid_from_behind():
    label = look_at_label(torch.tensor([torch.pi]), torch.zeros(1))
    mask = render_batch([14], 48, cameras=label).mask                  # long hair
    assert (mask == 13).float().mean() > 0.25
    assert not torch.isin(mask, torch.tensor([2, 4, 5, 10, 11, 12])).any()


def test_contact_sheet(batch):
    assert contact_sheet(batch, columns=3).size == (96, 2 * (32 + 44))


@pytest.mark.parametrize(("arguments", "message"), [
    (([], 32), "at least one"),
    (([0], 20), "resolution of 20"), (([0, 1], 32, look_at_label(torch.zeros(1), torch.zeros(1))), "1 cameras"),
    ((torch.zeros(1, 3), 32), r"\[1, 3\]")])
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        render_batch(*arguments)
