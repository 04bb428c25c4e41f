"""Files of directions: our own, and the layouts in which people share them."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from ..errors import InputError
from ..files import save_tensors
from ..gan import Generator
from ..gan.lineage import Lineage, ancestry_of
from ..native import load_tensors, read_metadata
from .arrays import read_arrays
from .direction import Direction
from .stylespace import from_styles, split_styles, style_sizes

FORMAT = "ddgi.direction"
# InterfaceGAN names the boundaries of its Z space without a "w": stylegan_ffhq_age_boundary.npy.
_Z_SPACE = re.compile(r"(stylegan|pggan)\w*(?<!_w)_boundary", re.IGNORECASE)
_MOST = 512             # directions of one file
_LEAST_REACHED = 0.02   # of a StyleSpace change: below, the w vectors cannot make it


def save_directions(path: str | Path, directions: Sequence[Direction], provenance: dict | None = None) -> None:
    """Write a "ddgi.direction" file: one or more directions of one generator.

    Raises:
        InputError: none, or directions of several generators.
    """
    if not directions:
        raise InputError("No direction was given to save.")
    lineage = directions[0].lineage
    if stranger := next((other for other in directions if other.lineage != lineage), None):
        raise InputError(f"The direction {stranger.name!r} was made for generator {stranger.lineage.called()} and "
                         f"{directions[0].name!r} for {lineage.called()}; save them in files of their own.")
    entries = [{"name": one.name, "layers": None if one.layers is None else list(one.layers), "record": one.record}
               for one in directions]
    config = {"generator_fingerprint": lineage.fingerprint, "generator_name": lineage.name,
              "generator_ancestry": list(lineage.ancestry), "directions": entries}
    save_tensors(path, {str(index): one.offset.float() for index, one in enumerate(directions)}, format=FORMAT,
                 config=config, provenance=provenance)


def load_directions(path: str | Path, generator: Generator | None = None) -> list[Direction]:
    """Directions of a file.

    Args:
        path: one of our files; or .npy, .npz, .pt, .pth or .safetensors in the layouts of InterfaceGAN (a vector),
            stylegan2directions and the like (one vector a layer), GANSpace (components with deviations; strength 1 is
            one deviation) and StyleSpace (a change of all style channels on end, with or without ToRGB).
        generator: whose directions a foreign file holds, which does not say so itself.

    Raises:
        InputError: missing, damaged, another layout, of another generator, or foreign and no generator was named.
    """
    path = Path(path)
    if path.suffix == ".safetensors" and path.is_file() and read_metadata(path).get("format") == FORMAT:
        found = _load_own(path)
        if generator is not None:
            for direction in found:
                direction.check(generator.lineage, generator.config.num_ws, generator.config.w_dim)
        return found
    arrays = read_arrays(path)
    if generator is None:
        raise InputError(f"{path.name} does not say for which generator its directions were made; connect that "
                         f"generator.")
    if _Z_SPACE.fullmatch(path.stem):
        raise InputError(f"{path.name} is a direction of InterfaceGAN in Z, before the mapping network; use the one "
                         f"in W, which has \"_w_boundary\" in its name.")
    return [_foreign(*offset, path, generator) for offset in _offsets(arrays, path, generator)]


def _load_own(path: Path) -> list[Direction]:
    tensors, metadata = load_tensors(path, format=FORMAT)
    config = metadata["config"]
    lineage = Lineage(str(config.get("generator_fingerprint", "")), str(config.get("generator_name", "")),
                      ancestry_of(config.get("generator_ancestry")))
    found = []
    for index, entry in enumerate(_entries(path, config)):
        if str(index) not in tensors:
            raise InputError(f"{path.name} lacks the numbers of direction {index}; save it again.")
        layers, record = entry.get("layers"), entry.get("record")
        if layers is not None and not (isinstance(layers, list) and layers and all(
                type(layer) is int and layer >= 0 for layer in layers)):
            raise InputError(f"{path.name} names layers that are no list of numbers; save it again.")
        found.append(Direction(str(entry.get("name", path.stem)), tensors[str(index)].float(), lineage,
                               None if layers is None else tuple(layers), record if isinstance(record, dict) else {}))
    return found


def _entries(path: Path, config: dict) -> list[dict]:
    entries = config.get("directions")
    if not isinstance(entries, list) or not 0 < len(entries) <= _MOST or not all(
            isinstance(entry, dict) for entry in entries):
        raise InputError(f"{path.name} holds no directions; save it again.")
    return entries


def _foreign(name: str, offset: torch.Tensor, note: dict, path: Path, generator: Generator) -> Direction:
    direction = Direction(name, offset, generator.lineage, None, {"method": "file", "file": path.name, **note})
    direction.check(generator.lineage, generator.config.num_ws, generator.config.w_dim)
    return direction


Offset = tuple[str, torch.Tensor, dict]     # name, numbers, note for the record


def _offsets(arrays: dict[str, torch.Tensor], path: Path, generator: Generator) -> Iterator[Offset]:
    """Every direction in a foreign file, in the first layout that fits."""
    if (components := _components(arrays)) is not None:
        for index, vector in enumerate(components[:_MOST]):
            yield f"{path.stem} {index}", vector, {"layout": "GANSpace", "number": index}
    elif (styles := _styles(arrays, generator)) is not None:
        yield _style_change(path, generator, styles)
    else:
        for name, value in arrays.items():
            yield from _vectors(name or path.stem, value, path, generator)


def _components(arrays: dict[str, torch.Tensor]) -> torch.Tensor | None:
    """Components times their deviations [K, w_dim] of a GANSpace file, or of the shorter form that e4e uses."""
    for components, deviations in (("lat_comp", "lat_stdev"), ("act_comp", "act_stdev"), ("comp", "std")):
        if components in arrays and deviations in arrays:
            vectors, sizes = arrays[components].flatten(1), arrays[deviations].flatten()
            return vectors * sizes[:, None] if len(sizes) == len(vectors) else None
    return None


def _styles(arrays: dict[str, torch.Tensor], generator: Generator) -> list[torch.Tensor] | None:
    """One change a style layer, if this is what the arrays are: on end (without ToRGB too), or one array a layer."""
    sizes, is_rgb = style_sizes(generator), [layer.is_rgb for layer in generator.style_layers()]
    values = [value.flatten() for value in arrays.values()]
    if [value.numel() for value in values] == sizes:
        return values
    if len(values) != 1 or values[0].numel() == generator.config.w_dim:
        return None
    if (whole := split_styles(values[0], sizes)) is not None:
        return whole
    parts = split_styles(values[0], [size for size, rgb in zip(sizes, is_rgb) if not rgb])
    given = iter(parts or ())
    return parts and [torch.zeros(size) if rgb else next(given) for size, rgb in zip(sizes, is_rgb)]


def _style_change(path: Path, generator: Generator, styles: list[torch.Tensor]) -> Offset:
    offset, reached = from_styles(generator, styles)
    if reached < _LEAST_REACHED:
        raise InputError(f"{path.name} changes styles in a way that w vectors cannot make: they reach "
                         f"{100 * reached:.0f} % of it.")
    return path.stem, offset, {"layout": "StyleSpace", "reached": round(reached, 4)}


def _vectors(name: str, value: torch.Tensor, path: Path, generator: Generator) -> Iterator[Offset]:
    """Directions in W [..., w_dim] or W+ [..., num_ws, w_dim]."""
    sizes = [generator.config.num_ws, generator.config.w_dim]
    if value.shape[-1:] != (sizes[1],) or value.ndim > 3:
        raise InputError(f"{path.name} holds an array of shape {list(value.shape)}; a direction of {generator.name!r} "
                         f"has [{sizes[1]}] or {sizes} numbers, a StyleSpace change {sum(style_sizes(generator))}.")
    is_wplus = list(value.shape[-2:]) == sizes
    rows = value.reshape(-1, *(sizes if is_wplus else sizes[1:]))
    if len(rows) > _MOST:
        raise InputError(f"{path.name} holds {len(rows)} directions; {_MOST} are the limit.")
    for index, row in enumerate(rows):
        yield f"{name} {index}" if len(rows) > 1 else name, row, {"layout": "W+" if is_wplus else "W"}
