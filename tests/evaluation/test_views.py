"""Views carried into each other: worked out by hand on planes, and scored on the head world."""

import math

import pytest
import torch
from torch.nn import functional as F

from ddgi.cameras import FOCAL, RADIUS, look_at_label, rays_from_label
from ddgi.evaluation import (
    ConsistencyScore,
    Judges,
    JudgesConfig,
    ViewScore,
    before_wall,
    fit_depth,
    psnr,
    reproject,
    side_ratio,
    view_consistency,
    view_tables,
)
from ddgi.evaluation.views import picture_coordinates, points_of
from ddgi.headworld import ATTRIBUTES, render_batch, studio_wall

SIZE = 32
PIXEL = RADIUS / FOCAL / SIZE               # width of a pixel on the plane z = 0, seen from the front
FRONT = look_at_label(torch.zeros(1), torch.zeros(1))


def moved(camera, **by):
    """The camera moved along world axes without turning."""
    camera = camera.clone()
    for axis, distance in by.items():
        camera[:, {"x": 3, "y": 7, "z": 11}[axis]] += distance
    return camera


def plane_depth(camera, z=0.0, size=SIZE):
    """Distance along each ray to the plane at height z, [1, 1, R, R]."""
    origins, directions = rays_from_label(camera, size)
    return ((z - origins[:, None, 2]) / directions[..., 2]).reshape(1, 1, size, size)


def texture(seed=0, size=SIZE):
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_picture_coordinates_invert_rays():
    torch.manual_seed(0)
    camera = look_at_label(torch.tensor([0.4, -0.7]), torch.tensor([0.2, -0.3]))
    camera[:, 17], camera[:, 18], camera[:, 20] = 0.3, 0.45, 4.0        # skew, off centre, another height
    depth = torch.rand(2, 1, 8, 8) + 2
    where, z = picture_coordinates(points_of(depth, camera), camera)
    centres = (torch.arange(8) + 0.5) / 8
    expected = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), -1).reshape(1, 64, 2)
    torch.testing.assert_close(where, expected.expand(2, -1, -1), atol=1e-5, rtol=0)    # fp32 over numbers up to 4
    assert (z > 0).all()


def test_the_same_camera_gives_the_same_picture():
    image, depth = texture(), plane_depth(FRONT)
    warped, distance = reproject(image, depth, FRONT, FRONT)
    torch.testing.assert_close(warped[..., 1:-1, 1:-1], image[..., 1:-1, 1:-1], atol=1e-4, rtol=0)  # to 1e-5 px
    torch.testing.assert_close(distance, depth, atol=1e-5, rtol=0)


def test_a_plane_moves_by_whole_pixels_where_the_camera_says_so():
    image = texture()
    right = moved(FRONT, x=3 * PIXEL, y=2 * PIXEL)                      # what is seen moves 3 left and 2 down
    warped, _ = reproject(image, plane_depth(right), FRONT, right)
    torch.testing.assert_close(warped[..., 3:-1, 1:-4], image[..., 1:-3, 4:-1], atol=1e-4, rtol=0)
    assert (warped[..., :1, :] == 0).all() and (warped[..., -2:] == 0).all()    # never seen from the front


def test_points_behind_the_camera_are_not_seen():
    other = moved(FRONT, z=-2 * RADIUS)                                 # beyond the plane, looking away from it
    warped, _ = reproject(torch.ones(1, 3, SIZE, SIZE), plane_depth(FRONT), other, FRONT)
    assert (warped == 0).all()


def scene(camera, half=0.12, height=0.4):
    """A square of side 2 half at z = height before a wide plane at z = 0, coloured by place: image, depth, square."""
    near, far = plane_depth(camera, height), plane_depth(camera)
    x, y = (v.reshape(1, 1, SIZE, SIZE) for v in points_of(near, camera)[..., :2].unbind(-1))
    square = (x.abs() < half) & (y.abs() < half)
    depth = torch.where(square, near, far)
    points = points_of(depth, camera)[0].T.reshape(1, 3, SIZE, SIZE)
    return torch.sin(6 * points), depth, square


def test_hidden_pixels_are_left_out_and_the_rest_agrees():
    second = look_at_label(torch.tensor([0.35]), torch.zeros(1))
    (image, depth, _), (image2, depth2, square2) = scene(FRONT), scene(second)
    cameras = torch.cat([FRONT, second])
    error, counts = view_consistency(torch.cat([image, image2]), torch.cat([depth, depth2]),
                                     torch.ones(2, 1, SIZE, SIZE, dtype=torch.bool), cameras)
    # Where the line from a point of the wide plane to the first camera meets the square: hidden.
    points, eye = points_of(depth2, second)[0], FRONT[0, [3, 7, 11]]
    share = (0.4 - points[:, 2]) / (eye[2] - points[:, 2])
    crossing = points + (eye - points) * share[:, None]
    hidden = ((crossing[:, :2].abs() < 0.12).all(1) & (points[:, 2] < 0.2)).reshape(1, 1, SIZE, SIZE)
    assert hidden.sum() > 20 and not (counts & hidden).any()
    assert (counts & square2).sum() > 20                                # the square itself is seen by both
    # Colours are smooth (at most 6 / unit, pixels 0.02 wide): bilinear reading errs by 6^2 * 0.02^2 / 8 = 2e-3.
    assert (error[counts] < 2e-3 ** 2).float().mean() > 0.95
    # At the square's edge up to tolerance / height = 7.5 % of the other surface may come through.
    assert error[counts].max() < 0.075 ** 2
    assert not error[~counts].any()


def test_pixels_of_the_background_never_count():
    image, depth = texture().expand(2, -1, -1, -1), plane_depth(FRONT).expand(2, -1, -1, -1)
    heads = torch.zeros(2, 1, SIZE, SIZE, dtype=torch.bool)
    heads[:, :, 8:16, 8:16] = True
    _, counts = view_consistency(image, depth, heads, FRONT.expand(2, -1))
    assert torch.equal(counts[0, 0].nonzero().amin(0), torch.tensor([8, 8])) and counts.sum() == 64


def test_psnr_by_hand():
    assert psnr(0.04) == pytest.approx(20.0)                            # a tenth of the peak, 2
    assert psnr(0.0) == math.inf


def test_consistency_of_the_head_world_and_of_a_head_that_changes():
    yaw = torch.deg2rad(torch.tensor([0.0, 10.0]))
    cameras = look_at_label(yaw, torch.zeros(2))
    views = [render_batch([3], 64, camera[None], white_background=True) for camera in cameras]
    other = render_batch([4], 64, cameras[1:], white_background=True)
    scores = []
    for last in (views[1], other):
        score = ConsistencyScore(["0", "10"], cameras)
        batch = (views[0], last)
        score.add(torch.stack([v.image for v in batch], 1), torch.stack([v.depth for v in batch], 1),
                  torch.stack([v.mask[:, None] != 0 for v in batch], 1))
        scores.append(score.result())
    assert scores[0]["psnr"] > scores[1]["psnr"] + 6                    # another face: at least twice the error
    assert scores[0]["seen"] > 0.6 and scores[0]["pairs"] == {"0 to 10": scores[0]["psnr"]}


def test_no_common_pixel_is_no_score():
    score = ConsistencyScore(["a", "b"], FRONT.expand(2, -1))
    score.add(texture().expand(1, 2, -1, -1, -1), torch.ones(1, 2, 1, SIZE, SIZE),
              torch.zeros(1, 2, 1, SIZE, SIZE, dtype=torch.bool))
    assert score.result() == {"psnr": None, "seen": 0.0, "pairs": {"a to b": None}}


def test_view_score_by_hand():
    judges = Judges(JudgesConfig(16, (8,) * 4, {name: tuple(values) for name, values in ATTRIBUTES.items()}))
    truth = render_batch([0, 1], 16)
    head = truth.mask[:, None] != 0
    score = ViewScore(judges.eval())
    score.add(truth.image, truth.depth + 0.25, head, truth)
    half = head.clone()
    half[..., 8:] = False
    score.add(truth.image, truth.depth - 0.25, half, truth)
    result = score.result()
    assert result["depth_error"] == pytest.approx(0.25, abs=1e-5) and result["distance"] == 0
    both = head.sum() + half.sum()
    assert result["silhouette"] == pytest.approx((both / (2 * head.sum())).item(), abs=1e-4)


def test_depth_is_resized_without_the_background_behind():
    depth, alpha = torch.full((1, 1, 4, 4), 2.5), torch.ones(1, 1, 4, 4)
    depth[..., 2:], alpha[..., 2:] = 3.3, 0.0
    fitted, alpha = fit_depth(depth, alpha, 8)
    head = alpha > 0.5
    assert head[..., :4].all() and not head[..., 4:].any()
    torch.testing.assert_close(fitted[head], torch.full((32,), 2.5), atol=1e-3, rtol=0)     # alpha 1e-4 of the rest
    assert fit_depth(fitted, alpha, 8) == (fitted, alpha)


def test_the_wall_takes_the_place_of_white():
    image, alpha, wall = (torch.tensor(v).reshape(1, 1, 1, 3) for v in ([1.0, -0.2, 0.4], [0.0, 1.0, 0.5], [0.6] * 3))
    # All wall; all head; half of a head at -0.2 before white is 0.4, before the wall 0.2.
    torch.testing.assert_close(before_wall(image, alpha, wall).flatten(), torch.tensor([0.6, -0.2, 0.2]))


def test_the_wall_is_the_one_the_head_world_draws():
    truth, wall = render_batch([5, 6], 64), studio_wall([5, 6], 64)
    away = (truth.mask[:, None] == 0) & (F.max_pool2d((truth.mask[:, None] != 0).float(), 3, 1, 1) == 0)
    assert away.sum() > 1000 and ((truth.image - wall).abs() * away).max() < 1e-6       # fp32 rounding


def test_the_side_ratio_takes_the_worse_side():
    names = ("miou", "pixel_accuracy", "attribute_accuracy", "silhouette")
    scores = {yaw: dict.fromkeys(names, value) | {"depth_error": depth}
              for yaw, value, depth in (("-30", 0.4, 0.02), ("0", 0.5, 0.01), ("30", 0.45, 0.04))}
    assert side_ratio(scores) == dict.fromkeys(names, 0.8) | {"depth_error": 0.25}
    assert side_ratio({"0": scores["0"]}) == {}


def test_the_tables_show_true_pictures_in_brackets():
    values = {"depth_error": 0.02, "silhouette": 0.9, "miou": 0.5, "pixel_accuracy": 0.8, "attribute_accuracy": 0.7}
    pair = {"psnr": 20.0, "seen": 0.8, "pairs": {"-30 to 0": None}}
    lines = view_tables({"views": {"0": values}, "ground_truth": {"0": values | {"depth_error": 0.0}},
                         "consistency": {"m_t": pair, "ground_truth": pair},
                         "ratio_30": {"m_t": {}, "ground_truth": {}}}).splitlines()
    assert lines[0] == "| yaw | depth error | silhouette IoU | mask mIoU | pixel accuracy | attribute accuracy |"
    assert lines[2].startswith("| 0 | 0.020 (0.000) | 0.900 (0.900) |")
    assert lines[-2:] == ["| -30 to 0 | - (-) |", "| all | 20.0 (20.0) |"]
