"""Translations of the nodes: from the sentences of `locales/<language>/texts.json` to what the front end reads.

`texts.json` says each English text once, with its translation: names, tooltips, choices of drop-downs. A text that was
changed in a schema no longer finds its translation and is shown in English, so that nothing outdated is shown.
"""

import json
from collections.abc import Callable
from pathlib import Path

from comfy_api.latest import io

ROOT = Path(__file__).resolve().parents[1]
LOCALES = ROOT / "locales"
SOURCE, TARGET = "texts.json", "nodeDefs.json"

Translate = Callable[[str], str]


def languages() -> list[str]:
    """The languages that have a table of texts."""
    return sorted(path.parent.name for path in LOCALES.glob(f"*/{SOURCE}"))


def table(language: str) -> dict[str, str]:
    """English texts and their translations; empty for a language without a table."""
    path = LOCALES / language / SOURCE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def translator(language: str) -> Translate:
    """English to `language`; what is not in its table stays English."""
    texts = table(language)
    return lambda text: texts.get(text, text)


def node_definitions(schemas: dict[str, io.Schema], texts: dict[str, str]) -> str:
    """The front end's `nodeDefs.json`: what `texts` translates of the schemas, by node and input.

    The choices of drop-downs stand under "options", which the front end itself does not read (our script does).
    """
    nodes = {node_id: {"display_name": schema.display_name, "description": schema.description,
                       "inputs": _inputs(schema), "outputs": _outputs(schema)} for node_id, schema in schemas.items()}
    return json.dumps(_translated(nodes, texts) or {}, ensure_ascii=False, indent=1) + "\n"


def choices(entry: io.Input) -> list[str]:
    """What a drop-down offers."""
    return [getattr(option, "key", option) for option in getattr(entry, "options", None) or ()]


def all_inputs(schema: io.Schema) -> dict[str, io.Input]:
    """Inputs by the key that the front end knows them by; those below a choice behind it."""
    found = {}
    for entry in schema.inputs:
        found[entry.id] = entry
        for option in getattr(entry, "options", None) or ():
            if isinstance(option, io.DynamicCombo.Option):
                found |= {f"{entry.id}.{inner.id}": inner for inner in option.inputs}
    return found


def _inputs(schema: io.Schema) -> dict:
    inputs = {key.replace(".", "_"): {"name": entry.display_name or entry.id, "tooltip": entry.tooltip,
                                      "options": {choice: choice for choice in choices(entry)}}
              for key, entry in all_inputs(schema).items()}
    if any(getattr(entry, "control_after_generate", None) for entry in schema.inputs):
        inputs["control_after_generate"] = {"name": "control after generate"}
    return inputs


def _outputs(schema: io.Schema) -> dict:
    return {str(index): {"name": output.display_name or output.io_type, "tooltip": output.tooltip}
            for index, output in enumerate(schema.outputs)}


def _translated(value, texts: dict[str, str]):
    """A nested dict with the texts that have a translation, translated; the rest left out."""
    if not isinstance(value, dict):
        return texts.get(value)
    found = {key: _translated(inner, texts) for key, inner in value.items()}
    return {key: inner for key, inner in found.items() if inner} or None
