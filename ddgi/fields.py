"""JSON and the frozen dataclasses that travel in files: parsed with bounds, every value checked against its field.

A file may claim anything. What is not of the annotated type, not finite, or larger than any size in use is refused
here, once, so that configs only check what is theirs: which sizes fit together.
"""

import dataclasses
import json
import types
import typing
from typing import TypeVar

from .config import check_number, short
from .errors import InputError

MAX_DEPTH = 32
MAX_DIGITS = 20
MAX_ITEMS = 1024
MAX_TEXT = 4096
LARGEST = 2.0 ** 24     # no size, clamp or distance in a config comes near it

T = TypeVar("T")


def parse_json(text: str | bytes) -> object:
    """The value of a JSON text.

    Raises:
        ValueError: it is no JSON, is nested deeper than 32 levels, or holds numbers that are not finite or absurdly
            long.
    """
    try:
        value = json.loads(text, parse_int=_whole, parse_float=_number, parse_constant=_number)
    except RecursionError:
        raise ValueError("it is nested absurdly deep") from None
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [item for outer in level for item in _items(outer)]
        if not level:
            return value
    raise ValueError("it is nested absurdly deep")


def _items(value: object) -> list:
    if isinstance(value, dict):
        return [*value.values()]
    return value if isinstance(value, list) else []


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError("it holds an absurdly long number")
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if not -float("inf") < value < float("inf"):
        raise ValueError("it holds a number that is not finite")
    return value


def to_json(value: object) -> dict:
    """A dataclass as the plain dict that `from_json` reads."""
    return dataclasses.asdict(value)


def from_json(cls: type[T], values: object, what: str) -> T:
    """A dataclass from a parsed JSON object; `what` names it in messages, for example "The bridge's config".

    Raises:
        InputError: unknown or missing fields, a value of another type, or one that the dataclass itself refuses.
    """
    if not isinstance(values, dict):
        raise InputError(f"{what} is {short(values)}; it must be an object of named settings.")
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if unknown := sorted(str(name) for name in values.keys() - fields.keys()):
        raise InputError(f"{what} has unknown settings {short(', '.join(unknown))}; it needs a newer pack.")
    kinds = typing.get_type_hints(cls)
    missing = [name for name, field in fields.items() if name not in values
               and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING]
    if missing:
        raise InputError(f"{what} lacks {', '.join(missing)}; export or download the file again.")
    return cls(**{name: _fitted(value, kinds[name], f"{what}, {name}") for name, value in values.items()})


def _fitted(value: object, kind: object, what: str) -> object:
    """The value as its field wants it; lists become tuples and whole numbers become floats where those are meant."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        return _fitted(value, next(part for part in inner if part is not types.NoneType), what)
    if dataclasses.is_dataclass(kind):
        return from_json(kind, value, what)
    if origin is tuple:
        return _fitted_tuple(value, inner, what)
    if dict in (origin, kind):
        if not isinstance(value, dict) or len(value) > MAX_ITEMS:
            raise InputError(f"{what} is {short(value)}; it must be an object of at most {MAX_ITEMS} entries.")
        return {name: _fitted(item, inner[1], f"{what}, {short(name)}") if inner else item
                for name, item in value.items()}
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise InputError(f"{what} is {short(value)}; it must be {_KINDS[kind]}.")
    if kind is str and len(value) > MAX_TEXT:
        raise InputError(f"{what} is a text of {len(value)} letters; {MAX_TEXT} are the limit.")
    if kind in (int, float) and not -LARGEST <= value <= LARGEST:
        raise InputError(f"{what} is {short(value)}; no file needs such a number.")
    return value


def _fitted_tuple(value: object, inner: tuple, what: str) -> tuple:
    count = len(inner) if inner[-1] is not Ellipsis else None
    if not isinstance(value, list | tuple) or len(value) > MAX_ITEMS or count not in (None, len(value)):
        raise InputError(f"{what} is {short(value)}; it must be a list of {count or f'at most {MAX_ITEMS}'}.")
    kinds = [inner[0]] * len(value) if count is None else inner
    return tuple(_fitted(item, kind, what) for item, kind in zip(value, kinds))


_KINDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def check_range(values: object, what: str, names: str, low: float, high: float) -> None:
    """Refuse number attributes (names apart by spaces; None passes) outside low..high.

    Raises:
        InputError: names the first.
    """
    for name in names.split():
        if (value := getattr(values, name)) is not None:
            check_number(f"{what}'s {name}", value, least=low, most=high)
