"""FFHQ's square, and which faces are taken."""

import math

import pytest
import torch

from ddgi.errors import InputError
from ddgi.faces import Alignment, align, ffhq_matrix

# Eyes 40 apart and 44 above the mouth: the side is max(4 * 40, 3.6 * 44) = 160, the centre 4.4 below the eyes.
FACE = torch.tensor([[80.0, 90.0], [120.0, 90.0], [100.0, 112.0], [86.0, 134.0], [114.0, 134.0]], dtype=torch.float64)
CANONICAL = torch.tensor([[60.0, 75.6], [100.0, 75.6], [80.0, 97.6], [66.0, 119.6], [94.0, 119.6]],
                         dtype=torch.float64) / 160


def moved(points, scale=1.0, degrees=0.0, shift=(0.0, 0.0)):
    a = math.radians(degrees)
    spin = torch.tensor([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]], dtype=torch.float64)
    return points @ spin * scale + torch.tensor(shift, dtype=torch.float64)


@pytest.mark.parametrize("change", [{}, {"degrees": 30}, {"scale": 2.5, "degrees": -170, "shift": (900, 900)},
                                    {"shift": (-60, 40)}])
def test_points_land_in_ffhqs_places(change):
    alignment = align([moved(FACE, **change)[None]], (900, 800))
    torch.testing.assert_close(alignment.points[0], CANONICAL, atol=1e-9, rtol=0)
    assert float(alignment.side) == pytest.approx(160 * change.get("scale", 1))


def test_square_of_an_upright_face():
    quad = align([FACE[None]], (300, 300)).quad[0]
    assert quad.flatten().tolist() == pytest.approx([20, 14.4, 20, 174.4, 180, 174.4, 180, 14.4])


def test_long_faces_count_their_height():
    tall = FACE.clone()
    tall[3:, 1] += 20                                                                # 64 below the eyes: 3.6 * 64
    assert float(ffhq_matrix(tall)[0, 0]) == pytest.approx(230.4)


def test_scale_keeps_the_middle():
    one, two = align([FACE[None]], (300, 300)), align([FACE[None]], (300, 300), scale=1.5)
    torch.testing.assert_close(one.quad.mean(1), two.quad.mean(1))
    assert float(two.side / one.side) == pytest.approx(1.5)


def test_face_index_and_every_face():
    faces = [torch.stack([FACE, FACE + 30]), FACE[None] + 5]
    assert align(faces, (300, 300), 0).picture == (0, 1)
    every = align(faces, (300, 300), -1)
    assert every.picture == (0, 0, 1) and float(every.quad[1, 0, 0]) == pytest.approx(50)


def test_policies_for_a_missing_face():
    faces = [FACE[None], FACE[:0].reshape(0, 5, 2), torch.stack([FACE, FACE + 30])]
    with pytest.raises(InputError, match="Picture 2 of 3 has no face"):
        align(faces, (200, 300))
    with pytest.raises(InputError, match=r"Picture 1 of 3 has 1 face\(s\).*not number 1"):
        align(faces, (200, 300), 1)
    assert align(faces, (200, 300), missing="skip").picture == (0, 2)
    centred = align(faces, (200, 300), missing="centre")
    assert centred.picture == (0, 1, 2) and centred.points[1].isnan().all()
    assert centred.quad[1].tolist() == [[50, 0], [50, 200], [250, 200], [250, 0]]
    with pytest.raises(InputError, match="nothing is left"):
        align(faces[1:2], (200, 300), missing="skip")
    with pytest.raises(InputError, match="policy"):
        align(faces, (200, 300), missing="centre it")


@pytest.mark.parametrize("settings", [{"face_index": -2}, {"scale": 0.0}, {"scale": math.nan}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(InputError, match="counts from 0"):
        align([FACE[None]], (200, 300), **settings)


@pytest.mark.parametrize("points", [FACE + 1000, FACE - 400, FACE * 300])
def test_points_of_another_picture_are_refused(points):
    with pytest.raises(InputError, match="pixels of this picture"):
        align([points[None]], (200, 300))


def test_squares_too_small_to_show_a_face_are_refused():
    with pytest.raises(InputError, match="square of 12.8 pixels, too few"):
        align([FACE[None] * 0.08], (200, 300))
    assert float(align([FACE[None] * 0.11], (200, 300)).side) == pytest.approx(17.6)


def test_alignment_checks_itself():
    good = align([FACE[None]], (300, 300))
    with pytest.raises(InputError, match="no area"):
        Alignment(good.matrix * 0, (0,), good.points, 1, (300, 300))
    with pytest.raises(InputError, match="names pictures"):
        Alignment(good.matrix, (1,), good.points, 1, (300, 300))
    with pytest.raises(InputError, match="at least one face"):
        Alignment(good.matrix[:0], (), good.points[:0], 1, (300, 300))
