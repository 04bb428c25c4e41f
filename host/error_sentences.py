"""The sentences of the pack's errors, read off its source, for docs/troubleshooting.md."""

import ast
from collections.abc import Iterator
from pathlib import Path

# What carries a sentence, and which argument it is.
_CARRIERS = {"InputError": 0, "BrokenFile": -1, "Problem": -1}
HOLE = "..."


def sentences(root: Path) -> dict[str, list[str]]:
    """Per module ("ddgi/files.py") of `root`, the sentences that it can say, `HOLE` for what is filled in."""
    found = {}
    for room in ("ddgi", "host", "nodes"):
        for path in sorted((root / room).rglob("*.py")):
            said = dict.fromkeys(_said(ast.parse(path.read_text(encoding="utf-8"))))
            if said:
                found[path.relative_to(root).as_posix()] = list(said)
    return found


def _said(tree: ast.Module) -> Iterator[str]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for node in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        name = getattr(node.func, "id", getattr(node.func, "attr", None))
        if name in _CARRIERS and node.args:
            for text in _texts(node.args[_CARRIERS[name]]):
                if any(character.isalpha() for character in text):
                    yield " ".join(text.split())


def _texts(node: ast.expr) -> list[str]:
    """All texts that an expression can be."""
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.JoinedStr):
        return ["".join(part.value if isinstance(part, ast.Constant) else HOLE for part in node.values)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [left + right for left in _texts(node.left) for right in _texts(node.right)]
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    return [HOLE]
