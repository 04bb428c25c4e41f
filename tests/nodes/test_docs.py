"""Texts of the nodes: the schemas say everything once, help pages follow them, translations can be shown."""

import importlib
import json
import re
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
HELP = ROOT / "web" / "docs"
LOCALES = sorted((ROOT / "locales").glob("*/*.json"))
# What an artist types, and must find one of ours by.
WORDS = ("face", "portrait", "smile", "character", "w+", "avatar", "stylegan", "3d", "train", "style", "edit", "mask",
         "latent")


@pytest.fixture(scope="module")
def schemas(pack, help_pages):
    return help_pages.schemas_by_group(pack.nodes.node_classes(), pack.host.sockets.CATEGORIES)


@pytest.fixture(scope="module")
def help_pages(pack):
    return importlib.import_module(f"{pack.__name__}.host.help_pages")


def entries(schema):
    """(name, tooltip) of every input, those below a choice included, and of every output."""
    inputs = {inner.id: inner for entry in schema.inputs for inner in entry.get_all()}
    return [*((entry.id, entry.tooltip) for entry in inputs.values()),
            *((output.display_name, output.tooltip) for output in schema.outputs)]


def test_every_node_has_a_help_page(schemas):
    assert set(schemas) == {page.stem for page in HELP.glob("*.md")}


def test_pages_and_translations_say_what_the_schemas_say(schemas, help_pages):
    """Mend it with: python -m ddgi help"""
    stale = [path.relative_to(ROOT).as_posix() for path, text in help_pages.written(schemas).items()
             if text != path.read_text(encoding="utf-8")]
    assert not stale, "run: python -m ddgi help"


def test_every_error_sentence_of_the_code_is_in_troubleshooting(help_pages):
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8").replace("\\", "")
    missing = {module: [line for line in said if f"- {line}\n" not in page]
               for module, said in help_pages.sentences(ROOT).items()}
    assert not {module: lines for module, lines in missing.items() if lines}, "run: python -m ddgi help"


def test_a_help_page_has_title_example_and_what_goes_in_and_out(schemas):
    needed = ("<!-- ddgi: inputs -->", "<!-- ddgi: outputs -->", "\n## Example\n")
    for node_id, schema in schemas.items():
        page = (HELP / f"{node_id}.md").read_text(encoding="utf-8")
        assert page.startswith(f"# {schema.display_name}\n"), node_id
        assert not [part for part in needed if part not in page], node_id


def test_swatches_show_their_colours(help_pages):
    for colour in help_pages.PALETTE:
        swatch = Image.open(HELP / "swatches" / f"{help_pages.swatch_name(colour)}.png").convert("RGB")
        assert swatch.getcolors() == [(swatch.width * swatch.height, tuple(int(value) for value in colour))]


def test_texts_are_there_and_stand_alone(schemas):
    """A tooltip is seen without its neighbours: no "Of those pictures." and no "For list: ..."."""
    beginning = re.compile(r"(Of|For|From|Its|Instead|Only|Needed)\b")
    missing, fragments = [], []
    for node_id, schema in schemas.items():
        for name, text in [("description", schema.description), *entries(schema)]:
            if not text or not name:
                missing.append((node_id, name))
            elif beginning.match(text) or not text.endswith(".") or not (text[0].isupper() or text[0].isdigit()):
                fragments.append((node_id, name, text))
    assert not missing
    assert not fragments


def test_every_node_stands_in_a_group_and_no_group_is_empty(schemas, pack):
    assert {schema.category for schema in schemas.values()} == set(pack.host.sockets.CATEGORIES)


@pytest.mark.parametrize("word", WORDS)
def test_what_an_artist_types_finds_one_of_ours(schemas, word):
    """The front end searches ids, display names and aliases."""
    texts = [" ".join((schema.node_id, schema.display_name, *schema.search_aliases)) for schema in schemas.values()]
    assert any(word in text.lower() for text in texts)


@pytest.mark.parametrize("path", LOCALES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_translation_can_be_shown(path):
    """A locale may lag behind the schemas, but the front end must be able to read it: texts in places it knows,
    without the characters that its message format takes for its own (@ links, | plurals, {} values)."""
    def texts(value):
        return [text for inner in value.values() for text in texts(inner)] if isinstance(value, dict) else [value]

    found = texts(json.loads(path.read_text(encoding="utf-8")))
    assert found and not [text for text in found if not isinstance(text, str) or re.search(r"[@|{}]", text)]
