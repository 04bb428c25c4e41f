"""Protocols: what is read, and what is refused with the key's name."""

import pytest

from ddgi.errors import InputError
from ddgi.evaluation.papers import paper_scores
from ddgi.evaluation.protocol import read_protocol

METHODS = "[methods.mine]\n"


def read(tmp_path, text):
    (tmp_path / "p.toml").write_text(text)
    return read_protocol(tmp_path / "p.toml")


def test_tables_become_a_protocol(tmp_path):
    found = read(tmp_path, 'size = 128\n[data]\nsource = "folder"\nroot = "pictures"\n[networks]\nlpips = "l.pt"\n'
                           '[methods."my bridge"]\nbridge = "b"\ngenerator = "g"\nstep = "-2"\n')
    assert (found.size, found.crop, found.data.root, found.networks.lpips) == (128, 1.0, "pictures", "l.pt")
    assert found.methods["my bridge"].bridge_step == -2
    assert found.values()["methods"]["my bridge"]["gamma"] == 1.0


@pytest.mark.parametrize("text, message", [
    ("", "no methods"),
    ("szie = 3\n" + METHODS, "unknown key szie; did you mean 'size'"),
    ("crop = 2\n" + METHODS, "crop is 2.0; it must be at most 1"),
    ("[methods.a]\nkind = 'folder'\n", "names its folder"),
    ("[methods.a]\nbridge = 'b'\n", "name both"),
    ("[methods.a]\nsteps = 3\n", "methods.a.steps; did you mean 'step'"),
    ("[data]\nsource = 'folder'\n" + METHODS, "root is empty"),
    ("[data]\nsource = 'head-world'\n" + METHODS, "say how many"),
    ("methods = 3\n", "methods is no table"),
])
def test_mistakes_are_named(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)


def test_numbers_of_papers_are_as_printed():
    assert paper_scores("mask")["DDGI 2D"] == {"fid": 46.68, "lpips": .30, "ms_ssim": .63, "identity": .76,
                                               "pixel_accuracy": .8341, "miou": .4382}
    assert "miou" not in paper_scores("scribble")["ControlNet"]
