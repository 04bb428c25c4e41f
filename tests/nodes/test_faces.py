"""Face nodes, with landmarks in the type of core's MediaPipe node."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import ddgi

FACE = [[80.0, 90.0], [120.0, 90.0], [100.0, 114.0], [84.0, 133.0], [116.0, 133.0]]
EYES = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380))


@pytest.fixture(scope="module")
def nodes(pack):
    return pack.nodes.faces


def defaults(node):
    inputs = node.GET_SCHEMA().inputs
    return {entry.id: entry.default for entry in inputs if getattr(entry, "default", None) is not None}


def run(node, **settings):
    return node.execute(**{**defaults(node), **settings}).args


def landmarks(frames, size):
    """FACE_LANDMARKS of these faces of five points."""
    def face(points):
        pixels = np.zeros((478, 2), np.float32)
        for indices, middle in zip(EYES, points):
            pixels[list(indices)] = middle
        pixels[[1, 61, 291]] = points[2:]
        return {"landmarks_xy": pixels, "landmarks_3d": np.zeros((478, 3), np.float32), "score": 0.9, "presence": 9.0,
                "bbox_xyxy": np.array([60, 60, 140, 150], np.float32), "blendshapes": {}}

    return {"frames": [[face(points) for points in faces] for faces in frames], "image_size": size,
            "connection_sets": {}}


def photos(count=1):
    y, x = torch.meshgrid(torch.arange(200.0), torch.arange(240.0), indexing="ij")
    waves = torch.stack([torch.sin(x / 11), torch.cos(y / 13), torch.sin((x + y) / 17)], -1)
    return (0.5 + 0.4 * waves)[None].repeat(count, 1, 1, 1)


def test_the_type_is_that_of_core(nodes, host):
    from comfy_extras.nodes_mediapipe import FaceLandmarksType

    assert nodes.FaceLandmarks.io_type == FaceLandmarksType.io_type


def test_core_masks_the_face_that_we_read(host):
    """Our landmarks are complete enough for core's own nodes: the value is of the shape they read."""
    from comfy_extras.nodes_mediapipe import MediaPipeFaceMask

    value = {**landmarks([[FACE]], (200, 240)), "connection_sets": {"face_oval": frozenset({(33, 263), (263, 61),
                                                                                            (61, 33)})}}
    mask = MediaPipeFaceMask.execute(value, {"regions": "custom", "face_oval": True}).args[0]
    assert mask.shape == (1, 200, 240) and 0.01 < float(mask.mean()) < 0.1


def test_landmarks_and_text_give_the_same_faces(nodes):
    from_landmarks = run(nodes.AlignFace, image=photos(), size=96, face_landmarks=landmarks([[FACE]], (200, 240)))
    from_text = run(nodes.AlignFace, image=photos(), size=96, points=json.dumps(FACE))
    assert from_landmarks[0].shape == (1, 96, 96, 3) and from_landmarks[2] == 1
    torch.testing.assert_close(from_landmarks[0], from_text[0], atol=1e-5, rtol=0)


def test_points_in_shares_of_the_picture_cut_the_same_face(nodes):
    shares = [[(x + 0.5) / 240, (y + 0.5) / 200] for x, y in FACE]     # a detector counts from the first pixel's middle
    expected = run(nodes.AlignFace, image=photos(), size=96, points=json.dumps(FACE))[0]
    got = run(nodes.AlignFace, image=photos(), size=96, points=json.dumps(shares))[0]
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)


def test_the_reported_points_show_a_face(nodes):
    """They gave one flat colour when they were read as pixels."""
    text = (Path(__file__).resolve().parents[1] / "inputs" / "landmarks_normalised.json").read_text()
    assert float(run(nodes.AlignFace, image=photos(), size=96, points=text)[0].std()) > 0.1


def test_there_and_back(nodes):
    faces, alignment, count = run(nodes.AlignFace, image=photos(2), size=192, face_index=-1,
                                  face_landmarks=landmarks([[FACE], [FACE, FACE]], (200, 240)))
    assert count == len(faces) == 3
    same = run(nodes.PasteFace, image=photos(2), faces=faces, alignment=alignment)[0]
    torch.testing.assert_close(same, photos(2), atol=0.01, rtol=0)
    none = run(nodes.PasteFace, image=photos(2), faces=1 - faces, alignment=alignment, mask=torch.zeros(1, 64, 64))[0]
    assert torch.equal(none, photos(2))


def test_camera_of_a_frontal_face(nodes):
    """The points above are those of the mean face, but for its perspective."""
    alignment = run(nodes.AlignFace, image=photos(2), missing="centre",
                    face_landmarks=landmarks([[FACE], []], (200, 240)))[1]
    camera = run(nodes.FaceCamera, alignment=alignment)[0]
    assert len(camera) == 2 and camera.yaw.abs().max() < 0.1 and camera.pitch.abs().max() < 3
    assert float(camera.radius[0]) == pytest.approx(2.7, abs=1e-4)


@pytest.mark.parametrize(("settings", "words"), [
    ({}, "No face landmarks and no points"),
    ({"points": "[]", "face_landmarks": {}}, "both given"),
    ({"face_landmarks": {"faces": []}}, "use that node"),
    ({"face_landmarks": landmarks([[]], (200, 240))}, "has no face"),
    ({"points": json.dumps(FACE), "face_index": 2}, "not number 2"),
])
def test_what_cannot_be_done_is_one_sentence(nodes, pack, settings, words):
    with pytest.raises(ddgi.InputError, match=words):
        run(nodes.AlignFace, image=photos(), **settings)


def test_signatures_have_every_input(nodes):
    import inspect

    for node in nodes.NODES:
        parameters = inspect.signature(node.execute).parameters
        assert [entry.id for entry in node.GET_SCHEMA().inputs] == list(parameters)
