"""Five points from every kind of landmarks."""

import json

import numpy as np
import pytest
import torch

from ddgi.errors import InputError
from ddgi.faces import faces_from_json, faces_from_mediapipe, five_points

SIZE = (200, 300)
FACE = [[40.0, 50.0], [80.0, 50.0], [60.0, 75.0], [45.0, 92.0], [75.0, 92.0]]


def mediapipe_face(points):
    """A face as core's detector gives it: the landmarks that we read around their means, the others far away."""
    landmarks = np.full((478, 2), 1e4, dtype=np.float32)
    eyes = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380))
    around = np.array([[-6, 0], [-2, -3], [2, -3], [6, 0], [2, 3], [-2, 3]])
    for indices, middle in zip(eyes, points[:2]):
        landmarks[list(indices)] = around + middle
    landmarks[[1, 61, 291]] = points[2:]
    low, high = landmarks[[33, 291]]
    return {"bbox_xyxy": np.array([*low, *high]), "blendshapes": {}, "landmarks_xy": landmarks,
            "landmarks_3d": np.zeros((478, 3), np.float32), "presence": 9.0, "score": 0.9}


def mediapipe(frames, size=SIZE):
    return {"frames": [[mediapipe_face(face) for face in faces] for faces in frames], "image_size": size,
            "connection_sets": {}}


def test_pixels_are_counted_from_their_corners():
    assert five_points(torch.tensor(FACE), SIZE).tolist() == (torch.tensor(FACE) + 0.5).tolist()


def test_mediapipe_and_ibug_give_the_same_five():
    expected = torch.tensor(FACE, dtype=torch.float64) + 0.5
    ibug = torch.full((68, 2), 1e4)
    ibug[36:42], ibug[42:48] = torch.tensor(FACE[0]), torch.tensor(FACE[1])
    ibug[[30, 48, 54]] = torch.tensor(FACE[2:])
    torch.testing.assert_close(five_points(ibug, SIZE), expected)
    faces = faces_from_mediapipe(mediapipe([[FACE], [], [FACE, FACE]]), 3, (200, 300))
    assert [len(found) for found in faces] == [1, 0, 2]
    torch.testing.assert_close(faces[2][1], expected, atol=1e-5, rtol=0)


def test_shares_of_the_picture_are_scaled():
    """As MediaPipe's own tools give points; they count from the picture's corner, so nothing is shifted."""
    shares = [[x / SIZE[1], y / SIZE[0]] for x, y in FACE]
    expected = torch.tensor(FACE, dtype=torch.float64)
    torch.testing.assert_close(five_points(torch.tensor(shares, dtype=torch.float64), SIZE), expected)
    as_objects = json.dumps([[{"x": x, "y": y, "z": 0.1} for x, y in shares]])
    torch.testing.assert_close(faces_from_json(as_objects, 1, SIZE)[0][0], expected)


def test_a_face_in_shares_may_reach_out_of_the_picture():
    shares = torch.tensor(FACE, dtype=torch.float64) / torch.tensor([100, 120]) + 0.4
    assert shares.max() > 1
    torch.testing.assert_close(five_points(shares, SIZE), shares * torch.tensor([300.0, 200]))


@pytest.mark.parametrize("turn", [0.0, 1.0, 3.0])
def test_sides_are_those_of_the_picture(turn):
    """A list that names the person's left first, of an upright face and of one that lies or hangs."""
    spin = torch.tensor([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]], dtype=torch.float64)
    points = torch.tensor(FACE, dtype=torch.float64) @ spin
    torch.testing.assert_close(five_points(points[[1, 0, 2, 4, 3]], SIZE), five_points(points, SIZE))


def test_json_of_a_face_of_faces_and_of_pictures():
    assert faces_from_json(json.dumps(FACE), 1, SIZE)[0].shape == (1, 5, 2)
    assert faces_from_json(json.dumps([FACE, FACE]), 1, SIZE)[0].shape == (2, 5, 2)
    assert [len(found) for found in faces_from_json(json.dumps([[FACE], []]), 2, SIZE)] == [1, 0]


@pytest.mark.parametrize(("text", "words"), [
    ("eyes", "no JSON"), ("[1, 2]", "nested 1 deep"), (json.dumps([FACE[:4]]), "5, 68, 468 or 478"),
    (json.dumps([*FACE[:4], ["a", 1]]), "two numbers"), (json.dumps([*FACE[:4], [1]]), "two numbers"),
    (json.dumps([FACE[0]] * 5), "on each other"), ("[[NaN, 1], [1, 1], [2, 2], [3, 3], [4, 4]]", "finite"),
    (json.dumps([[FACE], [FACE]]), "for 2 picture"),
])
def test_bad_points_are_one_sentence(text, words):
    with pytest.raises(InputError, match=words):
        faces_from_json(text, 1, SIZE)


@pytest.mark.parametrize(("landmarks", "words"), [
    (mediapipe([[FACE]], (100, 300)), "300 x 100"), (mediapipe([[FACE], [FACE]]), "2 pictures"), ([], "MediaPipe"),
])
def test_landmarks_of_other_pictures_are_refused(landmarks, words):
    with pytest.raises(InputError, match=words):
        faces_from_mediapipe(landmarks, 1, (200, 300))
