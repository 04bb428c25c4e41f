"""The table of generator families. A new one is a folder with a `Generator` subclass, and a row here."""

from collections.abc import Iterable

from ..errors import InputError
from .eg3d import EG3DGenerator
from .generator import Generator
from .options import Option
from .stylegan2 import StyleGAN2Generator
from .stylegan3 import StyleGAN3Generator

FAMILIES: dict[str, type[Generator]] = {row.family: row for row in (
    StyleGAN2Generator,
    StyleGAN3Generator,
    EG3DGenerator,
)}


def family_of(names: Iterable[str]) -> type[Generator]:
    """The family of a file with tensors of these names.

    Raises:
        InputError: none.
    """
    names = list(names)
    for family in FAMILIES.values():
        if family.owns(names):
            return family
    raise InputError(f"These tensors are no generator of a known family ({labels()}); use another file.")


def labels() -> str:
    """All families for people, for example "StyleGAN2 (2D) or EG3D (3D)"."""
    names = [f"{family.label} ({'3D' if family.is_3d else '2D'})" for family in FAMILIES.values()]
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def all_options(kind: str) -> list[tuple[list[type[Generator]], Option]]:
    """(families, option) of every "read_options" or "render_options" of the table, each name once."""
    found: dict[str, tuple[list[type[Generator]], Option]] = {}
    for family in FAMILIES.values():
        for option in getattr(family, kind):
            found.setdefault(option.name, ([], option))[0].append(family)
    return list(found.values())
