"""What docs and translations are written from: error sentences, blocks, nodes in another language."""

import importlib
import json

import pytest

SOURCE = """
def check(value, name):
    if value:
        raise InputError(f"The {name} is {value!r}; it must be "
                         f"above 0.")
    raise InputError("both" if name else f"{value} alone") from None
    raise errors.InputError(message)
    raise BrokenFile(path, "the mask " + "is missing")
"""


@pytest.fixture(scope="module")
def module(pack):
    return lambda name: importlib.import_module(f"{pack.__name__}.host.{name}")


def test_error_sentences_are_read_off_the_source(module, tmp_path):
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "checks.py").write_text(SOURCE, encoding="utf-8")
    assert module("error_sentences").sentences(tmp_path) == {"host/checks.py": [
        "The ... is ...; it must be above 0.", "both", "... alone", "the mask is missing"]}


def test_a_module_belongs_to_the_innermost_block_that_names_it(module, monkeypatch):
    pages = module("help_pages")
    monkeypatch.setattr(pages, "sentences", lambda root: {"ddgi/a/b.py": ["one"], "ddgi/a/c.py": ["two <x>"],
                                                          "host/d.py": ["three"]})
    page = "".join(f"<!-- ddgi: errors {paths} -->\n<!-- /ddgi -->\n" for paths in ("ddgi/a", "ddgi/a/b.py", "others"))
    assert pages.errors_list(page, "ddgi/a") == ["- two \\<x>"]
    assert pages.errors_list(page, "ddgi/a/b.py") == ["- one"]
    assert pages.errors_list(page, "others") == ["- three"]


def test_node_definitions_hold_what_is_translated_and_nothing_else(module, pack):
    schemas = {"DDGISaveLatent": next(schema for node in pack.nodes.node_classes()
                                      if (schema := node.GET_SCHEMA()).node_id == "DDGISaveLatent")}
    made = module("translations").node_definitions(schemas, {"DDGI Save Latent": "Sichern", "latent": "Latent",
                                                             "The faces to keep.": "Die Gesichter."})
    assert json.loads(made) == {"DDGISaveLatent": {
        "display_name": "Sichern", "inputs": {"latent": {"name": "Latent", "tooltip": "Die Gesichter."}},
        "outputs": {"0": {"name": "Latent"}}}}


def test_every_help_page_shows_its_node(module, pack):
    folder = module("help_pages").HELP
    for name in [node.GET_SCHEMA().node_id for node in pack.nodes.node_classes()]:
        assert (folder / "pictures" / f"{name}.jpg").stat().st_size > 2000, name    # python -m ddgi help --pictures
        for page in (folder / f"{name}.md", folder / name / "zh.md"):
            assert f"](pictures/{name}.jpg)" in page.read_text(encoding="utf-8"), page
