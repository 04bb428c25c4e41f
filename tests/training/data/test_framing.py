"""Cropping and mirroring keep pictures, masks, cameras and prompts in step."""

import pytest
import torch

from ddgi.cameras import Camera, rays_from_label
from ddgi.errors import InputError
from ddgi.palette import CLASS_NAMES
from ddgi.training.data import Augment
from ddgi.training.data.framing import Framing, flip_classes, frame, frame_camera, names_a_side


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def project(label, point):
    """Where a world point lies in the picture, as shares of its size."""
    pose, intrinsics = label[:16].reshape(4, 4), label[16:].reshape(3, 3)
    local = torch.linalg.inv(pose) @ torch.cat([point, torch.ones(1)])
    return (intrinsics @ (local[:3] / local[2]))[:2]


def test_without_options_the_centred_square_is_used():
    assert frame((40, 40), "", Augment(), seeded()) == Framing()
    assert frame((80, 40), "", Augment(), seeded()).box((80, 40)) == (20, 0, 60, 40)
    assert frame((40, 80), "", Augment(), seeded()).box((40, 80)) == (0, 20, 40, 60)


def test_as_many_numbers_are_drawn_whatever_the_options():
    states = []
    for augment in (Augment(), Augment(flip=True), Augment(crop=0.5)):
        generator = seeded()
        frame((40, 30), "left", augment, generator)
        states.append(torch.rand(1, generator=generator).item())
    assert len(set(states)) == 1


def test_random_squares_stay_within_the_centred_square():
    corners = set()
    for seed in range(100):
        left, top, right, lower = frame((80, 40), "", Augment(crop=0.5), seeded(seed)).box((80, 40))
        assert right - left == pytest.approx(lower - top)
        assert 20 <= right - left <= 40 and left >= 20 and right <= 60 + 1e-9 and top >= 0 and lower <= 40 + 1e-9
        corners.add((left, top))
    assert len(corners) == 100


def test_half_are_mirrored_but_none_whose_prompt_names_a_side():
    flips = [frame((8, 8), "a woman", Augment(flip=True), seeded(seed)).flip for seed in range(400)]
    assert 160 < sum(flips) < 240  # 200, four standard deviations are 40
    assert not any(frame((8, 8), "looking LEFT", Augment(flip=True), seeded(seed)).flip for seed in range(50))
    assert names_a_side("hair over her right eye") and not names_a_side("bright copyright, leftover")


def test_a_mirrored_mask_names_the_other_sides():
    mask = torch.arange(len(CLASS_NAMES), dtype=torch.uint8)[None]
    flipped = flip_classes(mask)[0].flip(0)
    for name, other in zip(CLASS_NAMES, (CLASS_NAMES[index] for index in flipped)):
        swapped = name.replace("left", "x").replace("right", "left").replace("x", "right")
        assert other == swapped
    assert torch.equal(flip_classes(flip_classes(mask)), mask)


@pytest.mark.parametrize("flip", [False, True])
def test_points_project_where_the_framed_picture_shows_them(flip):
    label = Camera.from_angles(yaw=25, pitch=-10, roll=7).label[0]
    label[17] = 0.3  # skew
    label[18] = 0.45
    framing = Framing(0.1, 0.2, 0.6, 0.6, flip)
    point = torch.tensor([0.1, -0.15, 0.2])
    before = project(label, point)
    expected = (before - torch.tensor([0.1, 0.2])) / 0.6
    if flip:  # the mirrored world is seen from the mirrored camera
        expected[0] = 1 - expected[0]
        point = point * torch.tensor([-1.0, 1.0, 1.0])
    assert torch.allclose(project(frame_camera(label, framing), point), expected, atol=1e-5)
    Camera(frame_camera(label, framing)[None])


def test_a_mirrored_camera_looks_along_mirrored_rays():
    label = Camera.from_angles(yaw=25, pitch=-10).label
    flipped = frame_camera(label[0], Framing(flip=True))[None]
    origin, rays = rays_from_label(label, 4)
    other_origin, other_rays = rays_from_label(flipped, 4)
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    assert torch.allclose(other_origin, origin * mirror, atol=1e-6)
    assert torch.allclose(other_rays.reshape(4, 4, 3), (rays * mirror).reshape(4, 4, 3).flip(1), atol=1e-6)


def test_a_crop_out_of_range_is_refused():
    with pytest.raises(InputError, match="A crop of 1.5"):
        Augment(crop=1.5)
