"""Cutting out and pasting back, on pictures whose content is known at every point."""

import math

import pytest
import torch

from ddgi.errors import InputError
from ddgi.faces import align, cut_faces, paste_faces

FACE = torch.tensor([[80.0, 90.0], [120.0, 90.0], [100.0, 112.0], [86.0, 134.0], [114.0, 134.0]], dtype=torch.float64)
SIZE = (200, 240)
PLACES = {"upright": (1.0, 0.0, (0.0, 0.0)), "turned": (0.9, 25.0, (-20.0, 60.0)), "small": (0.3, -40.0, (60.0, 120.0)),
          "border": (1.0, 10.0, (-70.0, -40.0)), "corner": (1.6, -15.0, (60.0, 40.0))}


def place(name):
    scale, degrees, shift = PLACES[name]
    a = math.radians(degrees)
    spin = torch.tensor([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]], dtype=torch.float64)
    return (FACE @ spin * scale + torch.tensor(shift, dtype=torch.float64))[None]


def colours(points):
    """Smooth colours [..., 3] in 0.1..0.9 of points [..., 2] in picture coordinates."""
    x, y = points.unbind(-1)
    waves = [torch.sin(x / 11 + y / 23), torch.cos(x / 17 - y / 13), torch.sin(y / 9)]
    return (0.5 + 0.4 * torch.stack(waves, -1)).float()


def pixel_centres(height, width):
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    return torch.stack([x, y], -1).double()


def picture():
    return colours(pixel_centres(*SIZE))[None]


def inside(alignment, size):
    """Picture coordinates of the cut face's pixels, and which of them lie well inside the picture."""
    points = pixel_centres(size, size) / size @ alignment.matrix[0, :2, :2].T + alignment.matrix[0, :2, 2]
    return points, ((points > 2) & (points < torch.tensor([SIZE[1] - 2, SIZE[0] - 2]))).all(-1)


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("size", [64, 160, 320])
def test_every_pixel_comes_from_its_place(name, size):
    """Within 0.02: bicubic sampling is exact to 0.004 here, averaging over up to 4 pixels of the waves takes 0.015."""
    alignment = align([place(name)], SIZE)
    points, known = inside(alignment, size)
    face = cut_faces(picture(), alignment, size)[0]
    assert face.shape == (size, size, 3) and known.float().mean() > 0.3
    assert float((face - colours(points))[known].abs().max()) < 0.02


def test_a_square_of_whole_pixels_is_copied_exactly():
    alignment = align([torch.zeros(0, 5, 2)], SIZE, missing="centre")
    torch.testing.assert_close(cut_faces(picture(), alignment, 200), picture()[:, :, 20:220], atol=2e-6, rtol=0)


@pytest.mark.parametrize("name", PLACES)
def test_dots_at_the_points_land_in_ffhqs_places(name):
    """The same canonical places in pixels for every position, size and angle."""
    points, size = place(name), 256
    canonical = align([FACE[None]], SIZE).points[0] * size
    where = pixel_centres(*SIZE)
    for number in range(5):
        if not ((points[0, number] > 4) & (points[0, number] < torch.tensor([SIZE[1] - 4, SIZE[0] - 4]))).all():
            continue
        dot = torch.exp(-(where - points[0, number]).square().sum(-1) / 8)[None, ..., None].float()
        face = cut_faces(dot, align([points], SIZE), size)[0, ..., 0]
        near = (pixel_centres(size, size) - canonical[number]).norm(dim=-1) < 12      # not its mirror image
        weight = face * near * (face > 0.3 * face[near].max())
        found = (weight[..., None] * pixel_centres(size, size)).sum((0, 1)) / weight.sum()
        assert float((found - canonical[number]).norm()) < 0.5


@pytest.mark.parametrize("name", PLACES)
def test_an_unchanged_face_leaves_the_picture_as_it_was(name):
    """Within 0.01, two bicubic samplings of these waves; outside the square not a bit changes."""
    alignment = align([place(name)], SIZE)
    size = int(alignment.side) + 8
    result = paste_faces(picture(), cut_faces(picture(), alignment, size), alignment, 0.05)
    assert float((result - picture()).abs().max()) < 0.01
    unit = (pixel_centres(*SIZE) - alignment.matrix[0, :2, 2]) @ torch.linalg.inv(alignment.matrix[0, :2, :2]).T
    outside = ((unit < 0) | (unit > 1)).any(-1)
    assert torch.equal(result[0][outside], picture()[0][outside])


def test_the_paste_has_the_feather_asked_for():
    alignment = align([torch.zeros(0, 5, 2)], SIZE, missing="centre")                # 20..220 in x, 0..200 in y
    white, black = torch.ones(1, 64, 64, 3), torch.zeros(1, *SIZE, 3)
    line = paste_faces(black, white, alignment, 0.1)[0, 100, :, 0]
    ramp = (torch.arange(20) + 0.5) / 20
    torch.testing.assert_close(line[20:40], ramp * ramp * (3 - 2 * ramp), atol=1e-5, rtol=0)
    assert line[:20].eq(0).all() and line[40:200].min() > 1 - 1e-5
    hard = paste_faces(black, white, alignment, 0.0)
    assert float(hard.sum()) == pytest.approx(200 * 200 * 3)


def test_a_mask_limits_the_paste():
    alignment = align([torch.zeros(0, 5, 2)], SIZE, missing="centre")
    mask = torch.zeros(1, 50, 50)
    mask[:, 10:40, 20:30] = 1.0                                                      # 80..120 of the 200 pixels across
    for feather, border in ((0.0, 4), (0.1, 20)):
        line = paste_faces(torch.zeros(1, *SIZE, 3), torch.ones(1, 64, 64, 3), alignment, feather, mask)[0, 100, :, 0]
        assert float(line[120]) > 0.97 and line[:100 - border].max() < 0.01 and line[140 + border:].max() < 0.01
        assert float(line[20:220].sum()) == pytest.approx(40, abs=1)


def test_what_lies_outside_is_mirrored_then_one_colour():
    alignment = align([place("border")], SIZE)
    face, plain = cut_faces(picture(), alignment, 160)[0], cut_faces(torch.full((1, *SIZE, 3), 0.3), alignment, 160)[0]
    torch.testing.assert_close(plain, torch.full_like(plain, 0.3), atol=1e-5, rtol=0)
    points, _ = inside(alignment, 160)
    just = ((points[..., 0] < 0) & (points[..., 0] > -3) & (points[..., 1] > 40))
    mirrored = colours(torch.stack([1 - points[..., 0], points[..., 1]], -1))
    assert just.sum() > 20 and float((face - mirrored)[just].abs().mean()) < 0.1
    far = face[:8, :8].flatten(0, 1)
    assert float(far.std(0).max()) < 0.1


def test_batch_equals_singles():
    faces = [place("upright"), torch.cat([place("turned"), place("small")])]
    pictures = torch.cat([picture(), picture().flip(2)])
    together = align(faces, SIZE, -1)
    cut = cut_faces(pictures, together, 96)
    edited = 1 - cut
    pasted = paste_faces(pictures, edited, together)
    start = 0
    for index, found in enumerate(faces):
        alone = align([found], SIZE, -1)
        one = pictures[index:index + 1]
        assert torch.equal(cut_faces(one, alone, 96), cut[start:start + len(found)])
        assert torch.equal(paste_faces(one, edited[start:start + len(found)], alone), pasted[index:index + 1])
        start += len(found)


def test_skipped_pictures_stay_as_they_are():
    pictures = torch.cat([picture(), picture().flip(2)])
    alignment = align([torch.zeros(0, 5, 2), place("upright")], SIZE, missing="skip")
    result = paste_faces(pictures, 1 - cut_faces(pictures, alignment, 64), alignment)
    assert torch.equal(result[0], pictures[0]) and not torch.equal(result[1], pictures[1])


def test_pasting_into_a_larger_copy_and_keeping_alpha():
    """Within 0.02: the face was sampled from the small picture, coarsely at its border."""
    alignment = align([place("turned")], SIZE)
    large = colours(pixel_centres(SIZE[0] * 2, SIZE[1] * 2) / 2)[None]
    with_alpha = torch.cat([large, torch.full((*large.shape[:3], 1), 0.25)], -1)
    result = paste_faces(with_alpha, cut_faces(picture(), alignment, 400), alignment)
    assert float((result[..., :3] - large).abs().max()) < 0.02 and result[..., 3].eq(0.25).all()


@pytest.mark.parametrize(("change", "words"), [
    ({"pictures": torch.zeros(2, *SIZE, 3)}, "give the same pictures"),
    ({"pictures": torch.zeros(1, 240, 240, 3)}, "give the same pictures"),
    ({"faces": torch.zeros(2, 8, 8, 3)}, "1 were cut out"),
    ({"faces": torch.zeros(1, 8, 9, 3)}, "one square picture"),
    ({"mask": torch.zeros(3, 8, 8)}, "3 masks"),
    ({"feather": 0.6}, "feather"),
])
def test_wrong_pastes_are_one_sentence(change, words):
    given = {"pictures": picture(), "faces": torch.zeros(1, 8, 8, 3), "alignment": align([place("upright")], SIZE)}
    with pytest.raises(InputError, match=words):
        paste_faces(**{**given, **change})


def test_cutting_other_pictures_is_refused():
    with pytest.raises(InputError, match="give the same pictures"):
        cut_faces(torch.zeros(1, 100, 120, 3), align([place("upright")], SIZE), 64)
