"""Files of rows: JSON lines or CSV, read so that one broken line costs no other."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..config import short, value_of
from ..errors import InputError
from ..fields import parse_json
from .wildcards import MOST, expand

SUFFIXES = (".jsonl", ".csv")
MAX_BYTES = 1 << 30
_LONGEST = 1 << 20                  # characters of a line
_INSIDE = ("set.", "edits.")        # columns of a CSV file that go into these keys: set.steps


@dataclass(frozen=True)
class Entry:
    """A row as the file has it.

    label: its line, "3", or its place in the grid of that line, "3.17". values: its keys, or None where it cannot be
    read, which `problem` then says.
    """

    label: str
    values: dict | None
    problem: str = ""


def read_jobs(path: str | Path) -> list[Entry]:
    """Every row of a file, grids written out.

    Raises:
        InputError: no such file, another kind of file, no rows or more than a million.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file of rows {path}; check the name.")
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path.name} ends in {path.suffix or 'nothing'!r}; a file of rows is .jsonl, one JSON object "
                         f"a line, or .csv with a line of names.")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path.name} is larger than 1 GiB; split it.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} cannot be read as UTF-8 text ({error}); save it again.") from error
    entries: list[Entry] = []
    for entry in _csv(text, path.name) if path.suffix.lower() == ".csv" else _json_lines(text):
        entries += _rows(entry)
        if len(entries) > MOST:
            raise InputError(f"{path.name} has more than {MOST:,} rows; split it.")
    if not entries:
        raise InputError(f"{path.name} has no rows; write one a line.")
    return entries


def _rows(entry: Entry) -> list[Entry]:
    """The rows of an entry whose grid is written out."""
    if entry.values is None or "grid" not in entry.values:
        return [entry]
    try:
        rows = list(expand(entry.values))
    except InputError as error:
        return [Entry(entry.label, None, str(error))]
    return [Entry(f"{entry.label}.{number}", values) for number, values in enumerate(rows, 1)]


def _json_lines(text: str) -> Iterator[Entry]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        label = str(number)
        if len(line) > _LONGEST:
            yield Entry(label, None, f"It has {len(line):,} characters; {_LONGEST:,} are the most.")
            continue
        try:
            values = parse_json(line)
        except ValueError as error:
            yield Entry(label, None, f"It is no JSON ({error}); write an object, {{\"prompt\": \"...\"}}.")
            continue
        if isinstance(values, dict):
            yield Entry(label, values)
        else:
            yield Entry(label, None, f"It is {short(values)}; a row is an object, {{\"prompt\": \"...\"}}.")


def _csv(text: str, name: str) -> Iterator[Entry]:
    """Rows by the names in the first line; commas, or semicolons where that line has more of them."""
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",")
    try:
        header = [cell.strip() for cell in next(reader, [])]
        both = [prefix for prefix in _INSIDE if prefix[:-1] in header and any(n.startswith(prefix) for n in header)]
        if len(set(header)) != len(header) or "" in header or both:
            raise InputError(f"The first line of {name} is {short(first)}; it must name every column once.")
        for cells in reader:
            if cells:
                yield _csv_row(str(reader.line_num), header, cells)
    except csv.Error as error:
        yield Entry(str(reader.line_num), None, f"It is no CSV ({error}); rows after it were not read.")


def _csv_row(label: str, header: list[str], cells: list[str]) -> Entry:
    if len(cells) != len(header):
        return Entry(label, None, f"It has {len(cells)} cells and the first line names {len(header)}; put text that "
                                  f"holds commas in quotes.")
    values: dict = {}
    for name, cell in zip(header, cells):
        inside = next((prefix for prefix in _INSIDE if name.startswith(prefix)), None)
        if not cell.strip():
            continue
        if inside:
            values.setdefault(inside[:-1], {})[name.removeprefix(inside)] = value_of(cell.strip())
        else:
            values[name] = cell.strip()
    return Entry(label, values)
