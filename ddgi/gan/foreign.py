"""A network of a foreign file as plain values: what a family reads its settings from."""

import dataclasses
from collections.abc import Mapping

from ..errors import InputError

LARGEST = 1e9
NOT_PLAIN = object()    # in the place of a value that is nothing plain, and that no setting can be


@dataclasses.dataclass(frozen=True)
class ForeignModule:
    """A module tree without its weights; nothing in it comes from running the file.

    Attributes:
        name: of its class.
        values: attributes that are plain: None, numbers (numpy's too), flags, text, small tensors, and lists and
            dicts of these; `NOT_PLAIN` stands for everything else.
        children: submodules by name.
    """

    name: str
    values: dict[str, object] = dataclasses.field(default_factory=dict)
    children: dict[str, "ForeignModule"] = dataclasses.field(default_factory=dict)

    def child(self, *path: str) -> "ForeignModule | None":
        """A module by its path of names, or None."""
        module = self
        for name in path:
            module = module.children.get(name) if module is not None else None
        return module


def number(values: Mapping[str, object], name: str, default: float | None = None) -> float:
    """A finite number.

    Raises:
        InputError: missing without a default, no number, or absurdly large.
    """
    value = values.get(name, default)
    if type(value) not in (int, float) or not -LARGEST < value < LARGEST:       # NaN fails every comparison
        raise InputError(f"its option {name!r} is missing or no usable number")
    return float(value)


def count(values: Mapping[str, object], name: str, default: int | None = None) -> int:
    """A whole number; raises InputError as `number` does."""
    value = values.get(name, default)
    if type(value) is not int or not -LARGEST < value < LARGEST:
        raise InputError(f"its option {name!r} is missing or no usable whole number")
    return value


def flag(values: Mapping[str, object], name: str, default: bool) -> bool:
    """True or false, also as 1 and 0; raises InputError for anything else."""
    value = values.get(name, default)
    if type(value) not in (bool, int):
        raise InputError(f"its option {name!r} is neither true nor false")
    return bool(value)


def activation_clamp(layer: ForeignModule | None) -> float | None:
    """The largest absolute activation of a layer, its attribute `conv_clamp`, or None."""
    if layer is None or layer.values.get("conv_clamp") is None:
        return None
    return number(layer.values, "conv_clamp")
