"""Recognise a generator file by its content, read it, convert it."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from ..errors import InputError
from ..gan import FAMILIES, Generator, all_options, chosen, family_of
from ..native import load_network, load_tensors, read_metadata, read_tensors
from . import difference
from .foreign import Found, find_generator, from_tensors
from .torch_data import LEGACY_MAGIC

LEGACY_START = b"\x80\x02\x8a\x0a" + LEGACY_MAGIC.to_bytes(10, "little")
FORMATS = {f"ddgi.{name}": family for name, family in FAMILIES.items()}


@contextlib.contextmanager
def refusing(path: Path):
    """Turn whatever goes wrong while reading `path` into one InputError that names the file.

    Deliberately broad: a damaged or hostile file may trip any check, also inside the libraries used here,
    and the user needs one sentence.
    """
    try:
        yield
    except InputError as error:
        message = str(error)
        if path.name in message:
            raise
        if message[:1].isupper():       # a whole sentence already
            raise InputError(f"{path.name}: {message}") from error
        raise InputError(f"{path.name} cannot be read: {message}; use another file.") from error
    except Exception as error:
        raise InputError(f"{path.name} cannot be read: it is damaged ({type(error).__name__}); download or export it "
                         f"again.") from error


def file_kind(path: Path) -> str:
    """"safetensors", "zip", "legacy" (both of torch.save) or "pickle", from the first bytes.

    Raises:
        InputError: the file is missing or none of these; the message says what else it is, where that is plain.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}; check the name or put the file there.")
    with open(path, "rb") as file:
        start = file.read(64)
    if start[:4] == b"PK\x03\x04":
        return "zip"
    if start.startswith(LEGACY_START):
        return "legacy"
    if start[8:9] == b"{":
        return "safetensors"
    if start[:1] == b"\x80":
        return "pickle"
    if start.startswith(b"version https://git-lfs"):
        raise InputError(f"{path.name} is a Git LFS pointer, a few lines of text in the place of the file; fetch the "
                         f"file itself with `git lfs pull` or download it from the repository's page.")
    if start.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<":
        raise InputError(f"{path.name} is a web page, not a generator file: the download ended at a sign-in or error "
                         f"page; download it again in a browser.")
    raise InputError(f"{path.name} is no generator file; .safetensors, NVIDIA .pkl and rosinality .pt are read.")


def load_generator(path: str | Path, *, operations=nn, bases: Sequence[str | Path] = (),
                   _seen: tuple[Path, ...] = (), **options) -> Generator:
    """Read a generator: our .safetensors, NVIDIA .pkl or rosinality .pt (also NADA, pSp, e4e, whole modules).

    Args:
        path: the file; its content decides, not its ending.
        bases: folders with the generators that files of differences start from; their own folder is known.
        operations: supplies the linear layer class.
        options: what the file's family declares in `Generator.read_options`; None (or the option's default) takes
            the file's own. For EG3D files of forks: `plane_axes`, the order of their planes.

    Returns:
        A generator of the family that the file belongs to.

    Raises:
        InputError: missing, damaged, hostile, or no such generator; an option that its family does not have.
    """
    known = [option for _, option in all_options("read_options")]
    if unknown := options.keys() - {option.name for option in known}:
        raise TypeError(f"load_generator() got an unexpected keyword argument {min(unknown)!r}")
    path, options = Path(path), chosen(known, options)
    kind = file_kind(path)
    with refusing(path):
        name = read_metadata(path).get("format") if kind == "safetensors" else None
        if name in FORMATS:
            return _read_native(path, FORMATS[name], options, operations)
        if name == difference.FORMAT:
            return _read_difference(path, operations, [Path(folder) for folder in bases], options, (*_seen, path))
        if name not in (None, "pt"):
            raise InputError(f"it is a {name[:40]!r} file, not a generator")
        found = from_tensors(read_tensors(path), None, "safetensors") if kind == "safetensors" else (
            find_generator(path, kind))
        return _build_foreign(found, path.stem, options, operations)


def convert(source: str | Path, target: str | Path, **options) -> Generator:
    """Rewrite any readable generator file as our safetensors file; it renders bit-identical pictures.

    `options` as in `load_generator`; the choice is kept in the new file.

    Raises:
        InputError: the source cannot be read, or the target is the source or has another ending.
    """
    source, target = Path(source), Path(target)
    if target.suffix != ".safetensors":
        raise InputError(f"The output is {target.name!r}; generators are written as .safetensors files.")
    if target.exists() and source.exists() and target.samefile(source):
        raise InputError(f"Input and output are the same file {source.name!r}; give another output name.")
    generator = load_generator(source, **options)
    generator.save(target, provenance={"converted_from": source.name})
    return generator


def _read_native(path: Path, family: type[Generator], options: dict, operations) -> Generator:
    _refuse_options(family, options)
    tensors, config, provenance = load_network(path, format=f"ddgi.{family.family}", kind=family.config_type,
                                               build=family.network, what=f"the {family.label} generator")
    name = str(provenance.pop("name", None) or path.stem)
    return family.built(family.configured(config, **options), tensors, operations, name=name, provenance=provenance)


def _read_difference(path: Path, operations, bases: list[Path], options: dict, seen: tuple[Path, ...]) -> Generator:
    tensors, metadata = load_tensors(path, format=difference.FORMAT)
    config, provenance = metadata["config"], dict(metadata["provenance"])
    for candidate in difference.base_files(path, config, bases, seen):
        base = load_generator(candidate, operations=operations, bases=bases, _seen=seen, **options)
        if not difference.is_base(base, config):
            continue
        name = str(provenance.pop("name", None) or path.stem)
        found = base.rebuilt(difference.rebuilt(tensors, base.module.state_dict()), name=name, provenance=provenance)
        if found.fingerprint != config.get("fingerprint"):
            raise InputError("its differences do not give the generator that it was saved as")
        return found
    raise difference.missing_base(config)


def _build_foreign(found: Found, name: str, options: dict, operations) -> Generator:
    family = family_of(found.tensors)
    _refuse_options(family, options)
    tensors, config, notes = family.adopt(found.tensors, found.network, **options)
    return family.from_state_dict(tensors, config=config, name=name, provenance={"source": found.source, **notes},
                                  operations=operations)


def _refuse_options(family: type[Generator], options: dict) -> None:
    own = {option.name for option in family.read_options}
    if foreign := sorted(options.keys() - own):
        raise InputError(f"the option {foreign[0]} was given, but it is a {'3D' if family.is_3d else '2D'} "
                         f"{family.label} generator, which has none")
