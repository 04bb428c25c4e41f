"""The tables of help pages, README and docs, written from the nodes' schemas and the tables of the library.

A page holds `<!-- ddgi: NAME -->` and `<!-- /ddgi -->`; what stands between them is made here, the rest is written by
hand. Pages in another language (`web/docs/<node id>/<language>.md`) take names and tooltips from `locales/<language>`;
what is not translated yet stands there in English.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from comfy_api.latest import io

from ..ddgi.headworld.words import SYNONYMS
from ..ddgi.palette import CLASS_NAMES, PALETTE

ROOT = Path(__file__).resolve().parents[1]
ENGLISH = "en"
_BLOCK = re.compile(r"(<!-- ddgi: (.+?) -->\n).*?(<!-- /ddgi -->)", re.DOTALL)
_ENDLESS = 1e6  # a limit that nobody reaches is not told
_LISTED = 12    # a drop-down with more choices, or with files, is not spelt out


class Texts:
    """Names and tooltips of nodes in one language; English where a translation is missing."""

    def __init__(self, language: str, locales: Path):
        self.nodes, self.own = ({} if language == ENGLISH else _read(locales / language / name)
                                for name in ("nodeDefs.json", "main.json"))

    def of(self, node_id: str, kind: str, key: str, text: str, fallback: str | None) -> str:
        """`text` ("name" or "tooltip") of an input or output; `kind` is "inputs" or "outputs"."""
        entry = self.nodes.get(node_id, {}).get(kind, {}).get(key.replace(".", "_"), {})
        return entry.get(text) or fallback or ""

    def word(self, kind: str, word: str) -> str:
        """A word of the pack's own, for example the name of a face part: `ddgi.<kind>.<word>` of main.json."""
        return self.own.get("ddgi", {}).get(kind, {}).get(word, word)

    def head(self, *words: str) -> tuple[str, ...]:
        """The head of a table."""
        return tuple(self.word("help", word) for word in words)


def schemas_by_group(classes: Iterable[type[io.ComfyNode]], groups: Sequence[str]) -> dict[str, io.Schema]:
    """Schemas by node id, in the order of the groups and then of the display names."""
    schemas = [node.GET_SCHEMA() for node in classes]
    schemas.sort(key=lambda schema: (groups.index(schema.category), schema.display_name))
    return {schema.node_id: schema for schema in schemas}


def pages(root: Path) -> list[Path]:
    """Every page of the pack that may hold blocks."""
    folders = (root / "docs", root / "web" / "docs")
    return [root / "README.md", *(path for folder in folders for path in sorted(folder.rglob("*.md")))]


def filled(page: Path, root: Path, schemas: dict[str, io.Schema]) -> str:
    """The text of a page with its blocks written anew.

    Raises:
        KeyError: the page asks for a block that there is not, or is of no node.
    """
    text = page.read_text(encoding="utf-8")
    help_folder = root / "web" / "docs"
    makers: dict[str, Callable[[], Iterable[str]]] = {
        "nodes": partial(nodes_table, schemas), "words": words_table}
    own = page.relative_to(help_folder).with_suffix("").parts if help_folder in page.parents else ()
    texts = Texts(own[1] if len(own) == 2 else ENGLISH, root / "locales")
    # A help page's pictures are found from web/docs, whatever folder the page itself lies in.
    swatches = "swatches" if own else Path(os.path.relpath(help_folder / "swatches", page.parent)).as_posix()
    makers["palette"] = partial(palette_table, texts, swatches)
    if own:
        schema = schemas[own[0]]
        makers |= {"inputs": partial(inputs_table, schema, texts), "outputs": partial(outputs_table, schema, texts)}

    def block(match: re.Match) -> str:
        return "\n".join([match[1], *makers[match[2]](), "", match[3]])
    return _BLOCK.sub(block, text)


def inputs_table(schema: io.Schema, texts: Texts) -> list[str]:
    """One row for each input, those below a choice behind it."""
    rows = []
    for entry in schema.inputs:
        rows.append(_input_row(schema, texts, entry, entry.id))
        for option in getattr(entry, "options", None) or ():
            if isinstance(option, io.DynamicCombo.Option):
                rows += [_input_row(schema, texts, inner, f"{entry.id}.{inner.id}") for inner in option.inputs]
    return _table(texts.head("input", "what it does", "values"), list(dict.fromkeys(rows)))


def outputs_table(schema: io.Schema, texts: Texts) -> list[str]:
    rows = []
    for index, output in enumerate(schema.outputs):
        name = texts.of(schema.node_id, "outputs", str(index), "name", output.display_name or output.io_type)
        tooltip = texts.of(schema.node_id, "outputs", str(index), "tooltip", output.tooltip)
        rows.append((name, tooltip, output.io_type))
    return _table(texts.head("output", "what it is", "type"), rows)


def nodes_table(schemas: dict[str, io.Schema]) -> list[str]:
    """All nodes by category, with the first sentence of their description."""
    lines = []
    for category in dict.fromkeys(schema.category for schema in schemas.values()):
        rows = [(schema.display_name, schema.description.split(". ")[0].rstrip(".") + ".")
                for schema in schemas.values() if schema.category == category]
        lines += [*([""] if lines else []), f"**{category}**", "", *_table(("node", "what it does"), rows)]
    return lines


def palette_table(texts: Texts, swatches: str) -> list[str]:
    """The 19 parts with a swatch; `swatches` is where their pictures are, seen from the page."""
    rows = []
    for number, (name, colour) in enumerate(zip(CLASS_NAMES, PALETTE)):
        code = swatch_name(colour)
        rows.append((f"![]({swatches}/{code}.png)", texts.word("parts", name), f"`#{code}`", str(number)))
    return _table(texts.head("", "part", "colour", "number"), rows)


def swatch_name(colour: Iterable[int]) -> str:
    """A colour as six hex digits."""
    return "".join(f"{value:02x}" for value in colour)


def words_table() -> list[str]:
    """What the demo models' vocabulary can say, a row for each attribute."""
    rows = []
    for attribute, values in SYNONYMS.items():
        rows.append((attribute.replace("_", " "), ", ".join(" or ".join(words) for words in values.values())))
    return _table(("attribute", "words"), rows)


def _input_row(schema: io.Schema, texts: Texts, entry: io.Input, key: str) -> tuple[str, str, str]:
    name = texts.of(schema.node_id, "inputs", key, "name", entry.display_name or entry.id)
    tooltip = texts.of(schema.node_id, "inputs", key, "tooltip", entry.tooltip)
    values = _values(entry)
    if entry.optional and not hasattr(entry, "default"):
        values += f", {texts.word('help', 'optional')}"
    return name, tooltip, values


def _values(entry: io.Input) -> str:
    """What can be chosen: a range, the choices of a drop-down, or the type of a socket."""
    if isinstance(entry, io.Int.Input | io.Float.Input) and entry.min is not None:
        return f"{_number(entry.min)} to {_number(entry.max)}" if entry.max < _ENDLESS else f"{entry.min} or more"
    options = [getattr(option, "key", option) for option in getattr(entry, "options", None) or ()]
    if options and len(options) <= _LISTED and not any("." in option for option in options):
        return ", ".join(options)
    return "COMBO" if options else entry.get_io_type()


def _number(value: float) -> str:
    """0.1, 0.000001, 128: without a power of ten."""
    return f"{value:.10f}".rstrip("0").rstrip(".")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return [_row(head), _row(("---",) * len(head)), *map(_row, rows)]


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in cells) + " |"


def _read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
