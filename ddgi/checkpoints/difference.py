"""Generators as differences to another: a tuned or stylised copy in a fraction of its size.

Of each tensor that changed, matrices and kernels keep the difference in 8 bits with one scale a row; the rest (biases,
strengths) in fp32. Rounding is part of the copy: what is rendered is what a reader of the file gets.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch

from ..config import short
from ..errors import InputError
from ..files import save_tensors
from ..gan import Generator
from ..gan.tensors import Tensors

FORMAT = "ddgi.difference"
SCALE = "|scale"        # behind the name of a tensor: its rows' scales
_LEVELS = 127


def difference(state: Mapping[str, torch.Tensor], base: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What tells weights from other weights of the same shapes, in 8 bits where that is enough."""
    found = {}
    for name, value in state.items():
        change = value.detach().cpu().float() - base[name].detach().cpu().float()
        if not change.any():
            continue
        if change.ndim < 2:
            found[name] = change
            continue
        rows = change.flatten(1)
        scale = rows.abs().amax(1) / _LEVELS
        found[name] = (rows / scale.clamp_min(1e-30)[:, None]).round().to(torch.int8).reshape(change.shape)
        found[name + SCALE] = scale
    return found


def rebuilt(tensors: Tensors, base: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of `difference` again, rounded as the file holds them.

    Raises:
        InputError: the tensors do not fit those of `base`.
    """
    state = {name: value.detach().cpu().float() for name, value in base.items()}
    for name, change in tensors.items():
        if name.endswith(SCALE):
            continue
        scale = tensors.get(name + SCALE)
        wrong = name not in state or change.shape != state[name].shape or (
            change.dtype == torch.int8) != (scale is not None) or (
            scale is not None and scale.shape != change.shape[:1])
        if wrong:
            raise InputError(f"its tensor {short(name)} does not fit the generator that it starts from")
        if scale is not None:
            change = (change.float().flatten(1) * scale.float()[:, None]).reshape(change.shape)
        state[name] = state[name] + change.float()
    return state


def rounded(generator: Generator, base: Generator) -> tuple[Generator, dict[str, torch.Tensor]]:
    """The generator as a file of differences to `base` gives it back, and the tensors of that file.

    Raises:
        InputError: the two have other sizes.
    """
    if type(generator) is not type(base) or generator.config != base.config:
        raise InputError(f"{generator.name!r} and {base.name!r} are generators of other sizes, so that no differences "
                         f"can be kept; save a whole file.")
    parent = base.module.state_dict()
    tensors = difference(generator.module.state_dict(), parent)
    return generator.rebuilt(rebuilt(tensors, parent), generator.name, generator.provenance), tensors


def save_difference(path: str | Path, generator: Generator, base: Generator, base_file: str) -> Generator:
    """Write a "ddgi.difference" file and return the generator that it holds.

    Args:
        base_file: name of the file that `base` was read from; readers look for it beside `path` and in their own
            folders, and know it by its fingerprint.
    """
    copy, tensors = rounded(generator, base)
    config = {"family": base.family, "fingerprint": copy.fingerprint,
              "base": {"file": base_file, "name": base.name, "fingerprint": base.fingerprint}}
    save_tensors(path, tensors, format=FORMAT, config=config, provenance={**copy.provenance, "name": copy.name})
    return copy


def base_files(path: Path, config: dict, folders: Sequence[Path], seen: Sequence[Path]) -> Iterator[Path]:
    """Files that may hold the generator that `path` starts from: beside it, or anywhere in `folders`; none of `seen`.

    `seen` are the files that brought the reader here: two files may name each other.
    """
    name = Path(_base(config)["file"]).name
    beside = path.parent / name
    for found in (beside, *(inside for folder in folders for inside in sorted(folder.rglob(name)))):
        if found.is_file() and found not in seen:
            yield found


def is_base(base: Generator, config: dict) -> bool:
    """Whether this is the generator that the differences start from."""
    return base.fingerprint == _base(config)["fingerprint"]


def missing_base(config: dict) -> InputError:
    """The sentence where it was not found."""
    base = _base(config)
    return InputError(f"it holds the differences to the generator {short(base['name'])} "
                      f"({short(base['fingerprint'])}), which was not found; put {short(base['file'])} beside it")


def _base(config: dict) -> dict:
    base = config.get("base")
    if not isinstance(base, dict) or not all(isinstance(base.get(key), str) and base[key] for key in
                                             ("file", "name", "fingerprint")):
        raise InputError("it does not say which generator it starts from")
    return base
