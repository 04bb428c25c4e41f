"""Photos to hints, with a parser of tiny random weights."""

import json
from types import SimpleNamespace

import pytest
import torch

from ddgi.facemask import mask_to_hint
from ddgi.faces import FaceParser, load_parser
from ddgi.scribble import lines_from_image

FACE = [[80.0, 90.0], [120.0, 90.0], [100.0, 114.0], [84.0, 133.0], [116.0, 133.0]]


@pytest.fixture(scope="module")
def nodes(pack):
    return SimpleNamespace(photo=pack.nodes.photo_hint, faces=pack.nodes.faces)


@pytest.fixture
def parsers(pack, tmp_path, monkeypatch):
    """An empty folder of parsers."""
    import folder_paths

    monkeypatch.setitem(folder_paths.folder_names_and_paths, "ddgi_parsers", ([str(tmp_path)], {".pth"}))
    folder_paths.filename_list_cache.pop("ddgi_parsers", None)
    return tmp_path


@pytest.fixture
def parser_file(parsers):
    """Weights of four channels in the folder; random ones see every part somewhere."""
    torch.manual_seed(5)
    network = FaceParser(4)
    for name, value in network.state_dict().items():
        if "running_var" in name:
            value.fill_(0.05)       # so that scores differ from place to place
    torch.save(network.state_dict(), parsers / "tiny.pth")
    return parsers / "tiny.pth"


@pytest.fixture(scope="module")
def photo():
    y, x = torch.meshgrid(torch.arange(200.0), torch.arange(240.0), indexing="ij")
    waves = torch.stack([torch.sin(x / 11), torch.cos(y / 13), torch.sin((x + y) / 17)], -1)
    photo = (0.5 + 0.4 * waves)[None]
    photo[:, 98:102, 70:130] = 0
    return photo


@pytest.fixture
def shown(nodes, monkeypatch):
    """The texts that a node shows."""
    from comfy_api.latest import io
    from server import PromptServer

    texts = []
    server = SimpleNamespace(client_id="a tab", send_progress_text=lambda text, node_id, client: texts.append(text))
    monkeypatch.setattr(PromptServer, "instance", server, raising=False)
    monkeypatch.setattr(nodes.photo.PhotoToHint, "hidden", io.HiddenHolder.from_dict({io.Hidden.unique_id: "7"}))
    return texts


def run(nodes, **settings):
    inputs = nodes.photo.PhotoToHint.GET_SCHEMA().inputs
    defaults = {entry.id: entry.default for entry in inputs if getattr(entry, "default", None) is not None}
    return nodes.photo.PhotoToHint.execute(**{**defaults, "size": 96, **settings}).args


def test_a_photo_becomes_both_hints_of_the_aligned_face(nodes, parser_file, photo, shown):
    scribble, mask, classes, faces, alignment = run(nodes, image=photo, points=json.dumps(FACE), thickness=1)
    aligned, same, _ = nodes.faces.AlignFace.execute(photo, 96, 0, "error", 1.0, None, json.dumps(FACE)).args
    assert torch.equal(faces, aligned) and torch.equal(alignment.matrix, same.matrix)
    assert torch.equal(scribble[..., 0], lines_from_image(aligned, 0.025)) and scribble.shape == (1, 96, 96, 3)
    expected = load_parser(parser_file).parse(aligned)
    assert len(expected.unique()) > 3
    assert torch.equal((classes * 255).round().to(torch.uint8), expected)
    assert torch.equal(mask, mask_to_hint(expected))
    assert shown == ["1 face(s): scribble and mask."]


def test_without_a_parser_there_is_a_scribble_and_a_sentence(nodes, parsers, photo, shown):
    from comfy_execution.graph_utils import ExecutionBlocker

    scribble, mask, classes, *_ = run(nodes, image=photo, points=json.dumps(FACE))
    assert (scribble == 0).any()
    for blocked in (mask, classes):
        assert isinstance(blocked, ExecutionBlocker)
        assert str(parsers) in blocked.message and "79999_iter.pth of face-parsing.PyTorch" in blocked.message
    assert shown == [mask.message]


def test_without_landmarks_the_centre_square_is_taken_and_said(nodes, parser_file, photo, shown):
    faces = run(nodes, image=photo.repeat(2, 1, 1, 1), size=200)[3]
    assert faces.shape == (2, 200, 200, 3)
    torch.testing.assert_close(faces[0], photo[0, :, 20:220], atol=1e-5, rtol=0)
    assert len(shown) == 1 and "centre square" in shown[0]


def test_a_named_parser_that_is_gone_is_said_before_the_run(nodes, parsers, pack, photo):
    sentence = nodes.photo.PhotoToHint.validate_inputs(parser="gone.pth")
    assert "'gone.pth'" in sentence and str(parsers) in sentence
    with pytest.raises(pack.ddgi.errors.InputError, match="There is no file 'gone.pth'"):
        run(nodes, image=photo, parser="gone.pth")


def test_a_new_parser_file_runs_the_node_again(nodes, parsers):
    before = nodes.photo.PhotoToHint.fingerprint_inputs(parser="first file found")
    torch.save({}, parsers / "new.pth")
    import folder_paths

    folder_paths.filename_list_cache.pop("ddgi_parsers", None)
    assert before is None and nodes.photo.PhotoToHint.fingerprint_inputs(parser="first file found") is not None
