"""Settings: checks that name what they refuse, and dataclasses built from the tables of a TOML file."""

import dataclasses
import difflib
import json
import typing
from collections.abc import Collection
from pathlib import Path

from .errors import InputError

MAX_RECIPE_BYTES = 1 << 20


def check_count(name: str, value: int, least: int, most: int) -> None:
    """Refuse a whole number outside `least` to `most`."""
    if not least <= value <= most:
        raise InputError(f"{name} is {short(value)}; it must be at least {least}"
                         + (f", and at most {most:,}." if value > most else "."))


def check_number(name: str, value: float, *, least: float | None = None, above: float | None = None,
                 most: float = 1e9) -> None:
    """Refuse a number that is not finite, below `least`, not above `above`, or beyond `most`."""
    if above is not None and not value > above:
        raise InputError(f"{name} is {short(value)}; it must be above {above}.")
    if least is not None and not value >= least:
        raise InputError(f"{name} is {short(value)}; it must be at least {least}.")
    if not abs(value) <= most:
        raise InputError(f"{name} is {short(value)}; it must be at most {most:g}.")


def check_share(name: str, value: float) -> None:
    """Refuse what is no share, 0 to 1."""
    if not 0 <= value <= 1:
        raise InputError(f"{name} is {short(value)}; it is a share, 0 to 1.")


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Refuse what is not among `choices`."""
    if value not in choices:
        raise InputError(f"{name} is {short(value)}; choose from {', '.join(choices)}.")


def short(value) -> str:
    """A value as messages show it: at most 60 characters on one line; nothing is rendered from nested data.

    A file may give anything as a value, for example lists in lists that would fill the memory as text.
    """
    if isinstance(value, str):
        text = ascii(value[:61]) if not value[:61].isprintable() else repr(value[:61])
    elif isinstance(value, int) and value.bit_length() > 128:
        text = f"a number of {value.bit_length()} bits"
    elif isinstance(value, list | tuple | dict):
        flat = len(value) <= 16 and not isinstance(value, dict) and all(type(v) in (int, float, bool) for v in value)
        text = repr(value) if flat else f"{'a table' if isinstance(value, dict) else 'a list'} of {len(value)} entries"
    else:
        text = repr(value) if value is None or isinstance(value, int | float) else f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:56]} ..."


def value_of(text: str):
    """A JSON value where the text is one (7, 0.5, true), else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def read_recipe(path: str | Path, what: str = "recipe") -> dict:
    """The tables of a TOML file; `what` it is called in messages.

    Raises:
        InputError: there is no such file, or it is no TOML; the message has the line.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no {what} {path}; check the name.")
    if path.stat().st_size > MAX_RECIPE_BYTES:
        raise InputError(f"{path.name} is larger than 1 MiB, so it is no {what}; check the name.")
    try:
        return _toml().loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError, RecursionError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise InputError(f"{path.name} is not readable as TOML ({error}); mend that line.") from error


def _toml():
    try:
        import tomllib
    except ImportError:  # Python 3.10
        try:
            import tomli as tomllib
        except ImportError as error:
            raise InputError("Recipes need Python 3.11, or the package tomli on Python 3.10; "
                             "run: pip install tomli") from error
    return tomllib


def build(kind: type, values: dict, where: str = "", what: str = "recipe"):
    """A config dataclass from a TOML table, tables inside included; what is not given keeps its default.

    Args:
        where: the table's name and a dot, for messages; nothing at the top. what: what holds the table.

    Raises:
        InputError: no table, an unknown key, a wrong type or a value out of range; the message names the key.
    """
    if not isinstance(values, dict):
        name = where.removesuffix(".")
        raise InputError(f"{name} is {short(values)} in the {what}; it is a table, write [{name}] above its keys.")
    known = {f.name: f for f in dataclasses.fields(kind)}
    hints, given = typing.get_type_hints(kind), {}
    for key, value in values.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            meant = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}."
            raise InputError(f"The {what} has an unknown key {where}{key[:60]}; {meant}")
        given[key] = _value(hints[key], value, f"{where}{key}", known[key], what)
    try:
        return kind(**given)
    except InputError as error:
        table = f"[{where[:-1]}] of the {what}" if where else f"the {what}"
        raise InputError(f"In {table}: {error}") from error


def _value(hint, value, name: str, known: dataclasses.Field, what: str):
    if dataclasses.is_dataclass(hint):
        kept = dataclasses.asdict(known.default_factory())
        return build(hint, {**kept, **value} if isinstance(value, dict) else value, f"{name}.", what)
    if typing.get_origin(hint) is dict:
        if not isinstance(value, dict) or not all(_is_number(v) for v in value.values()):
            raise InputError(f"{name} is {short(value)} in the {what}; it is a table of numbers.")
        numbers = {key: _as_float(f"{name}.{key}", entry, what) for key, entry in value.items()}
        return {**known.default_factory(), **numbers}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return _as_float(name, value, what)
    if type(value) is not hint:
        raise InputError(f"{name} is {short(value)} in the {what}; it must be of type {hint.__name__}.")
    return value


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_float(name: str, value: float, what: str) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise InputError(f"{name} is {short(value)} in the {what}, which is too large a number.") from error
