"""The lists and tables of help pages, README and docs, written from the nodes' schemas and the tables of the library.

A page holds `<!-- ddgi: NAME -->` and `<!-- /ddgi -->`; what stands between them is made here, the rest is written by
hand. Pages in another language are `web/docs/<node id>/<language>.md`.
"""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from comfy_api.latest import io

from ..ddgi.headworld.words import SYNONYMS
from ..ddgi.palette import CLASS_NAMES, PALETTE
from .error_sentences import sentences
from .translations import LOCALES, ROOT, TARGET, Translate, all_inputs, choices, languages, node_definitions, table
from .translations import translator as translator_to

HELP = ROOT / "web" / "docs"
ENGLISH = "en"
_BLOCK = re.compile(r"(<!-- ddgi: (.+?) -->\n).*?(<!-- /ddgi -->)", re.DOTALL)
_ENDLESS = 1e6  # a limit that nobody reaches is not told
_LISTED = 12    # a drop-down with more choices, or with files, is not spelt out


def schemas_by_group(classes: Iterable[type[io.ComfyNode]], groups: Sequence[str]) -> dict[str, io.Schema]:
    """Schemas by node id, in the order of the groups and then of the display names."""
    schemas = [node.GET_SCHEMA() for node in classes]
    schemas.sort(key=lambda schema: (groups.index(schema.category), schema.display_name))
    return {schema.node_id: schema for schema in schemas}


def written(schemas: dict[str, io.Schema]) -> dict[Path, str]:
    """The text of every file that follows the schemas: pages with their blocks written anew, and translations.

    Raises:
        KeyError: a page asks for a block that there is not, or is of no node.
    """
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *HELP.rglob("*.md")]
    nodes = {LOCALES / language / TARGET: node_definitions(schemas, table(language)) for language in languages()}
    return {page: _filled(page, schemas) for page in sorted(pages)} | nodes


def _filled(page: Path, schemas: dict[str, io.Schema]) -> str:
    text = page.read_text(encoding="utf-8")
    makers: dict[str, Callable[..., Iterable[str]]] = {"nodes": partial(nodes_table, schemas), "words": words_table,
                                                       "errors": partial(errors_list, text)}
    own = page.relative_to(HELP).with_suffix("").parts if HELP in page.parents else ()
    translate = translator_to(own[1] if len(own) == 2 else ENGLISH)
    # A help page's pictures are found from web/docs, whatever folder the page itself lies in.
    swatches = "swatches" if own else Path(os.path.relpath(HELP / "swatches", page.parent)).as_posix()
    makers["palette"] = partial(palette_table, translate, swatches)
    if own:
        schema = schemas[own[0]]
        makers |= {"inputs": partial(inputs_list, schema, translate),
                   "outputs": partial(outputs_list, schema, translate)}

    def block(match: re.Match) -> str:
        name, *arguments = match[2].split()
        return "\n".join([match[1], *makers[name](*arguments), "", match[3]])
    return _BLOCK.sub(block, text)


def inputs_list(schema: io.Schema, translate: Translate) -> list[str]:
    """A line for each input; those below a choice follow it."""
    lines = []
    for entry in all_inputs(schema).values():
        values = _values(entry, translate)
        if entry.optional and not hasattr(entry, "default"):
            values += f", {translate('optional')}"
        lines.append(_line(translate(entry.display_name or entry.id), values, translate(entry.tooltip or "")))
    return list(dict.fromkeys(lines))


def outputs_list(schema: io.Schema, translate: Translate) -> list[str]:
    return [_line(translate(output.display_name or output.io_type), _kind(output), translate(output.tooltip or ""))
            for output in schema.outputs]


def nodes_table(schemas: dict[str, io.Schema]) -> list[str]:
    """All nodes by category, with the first sentence of their description."""
    lines = []
    for category in dict.fromkeys(schema.category for schema in schemas.values()):
        rows = [(schema.display_name, schema.description.split(". ")[0].rstrip(".") + ".")
                for schema in schemas.values() if schema.category == category]
        lines += [*([""] if lines else []), f"**{category}**", "", *_table(("node", "what it does"), rows)]
    return lines


def palette_table(translate: Translate, swatches: str) -> list[str]:
    """The 19 parts with a swatch; `swatches` is where their pictures are, seen from the page."""
    rows = []
    for number, (name, colour) in enumerate(zip(CLASS_NAMES, PALETTE)):
        code = swatch_name(colour)
        rows.append((f"![]({swatches}/{code}.png)", translate(name), f"`#{code}`", str(number)))
    return _table(("", "part", "colour", "number"), rows, translate)


def swatch_name(colour: Iterable[int]) -> str:
    """A colour as six hex digits."""
    return "".join(f"{value:02x}" for value in colour)


def words_table() -> list[str]:
    """What the demo models' vocabulary can say, a row for each attribute."""
    rows = []
    for attribute, values in SYNONYMS.items():
        rows.append((attribute.replace("_", " "), ", ".join(" or ".join(words) for words in values.values())))
    return _table(("attribute", "words"), rows)


def errors_list(page: str, *paths: str) -> list[str]:
    """The error sentences of the modules and folders `paths`; "others": of all that no block of the page names.

    A module belongs to the block with its own or its innermost folder's path.
    """
    named = {path for block in _BLOCK.finditer(page) for path in block[2].split()[1:] if block[2].startswith("errors ")}
    lines: dict[str, None] = {}
    for module, said in sentences(ROOT).items():
        inside = [path for path in named if module == path or module.startswith(f"{path}/")]
        if max(inside, key=len, default="others") in paths:
            lines |= dict.fromkeys(said)
    return [f"- {line}".replace("<", "\\<").replace("*", "\\*") for line in lines]


def _values(entry: io.Input, translate: Translate) -> str:
    """What can be chosen: a range, the choices of a drop-down, or the type of a socket."""
    if isinstance(entry, io.Int.Input | io.Float.Input) and entry.min is not None:
        if entry.max >= _ENDLESS:
            return f"{_number(entry.min)} {translate('or more')}"
        return f"{_number(entry.min)} {translate('to')} {_number(entry.max)}"
    if isinstance(entry, io.Autogrow.Input):
        return _kind(entry.template.input)
    offered = choices(entry)
    if offered and len(offered) <= _LISTED and not any("." in choice for choice in offered):
        return ", ".join(map(translate, offered))
    return "COMBO" if offered else _kind(entry)


def _kind(entry: io.Input | io.Output) -> str:
    """The type of a socket, in words that wrap in the narrow help panel."""
    return entry.get_io_type().replace("_", " ")


def _line(name: str, values: str, text: str) -> str:
    """No table: in a panel of 262 px a long name leaves a third column, or half of the second, out of sight."""
    return f"- **{name}** ({values}): {text}".replace("\n", " ")


def _number(value: float) -> str:
    """0.1, 0.000001, 128: without a power of ten."""
    return f"{value:.10f}".rstrip("0").rstrip(".")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]], translate: Translate = str) -> list[str]:
    return [_row(tuple(map(translate, head))), _row(("---",) * len(head)), *map(_row, rows)]


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in cells) + " |"
