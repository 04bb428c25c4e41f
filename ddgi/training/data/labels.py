"""Captions and cameras that lie beside pictures: text files and JSON tables."""

import json
from pathlib import Path

import torch
from torch import Tensor

from ...cameras import box_range, lens_faults, pose_faults
from ...errors import InputError
from .sample import BrokenFile

_FEW_BYTES = 1 << 20                                # no caption is longer
CAMERA_NUMBERS = 25
_LARGEST = 1e6                                      # of a camera's numbers; NaN and infinities are not below it
_NO_NUMBERS = "the camera is not 25 finite numbers"
_NO_POSE = "the camera is no valid pose and intrinsics"
_NO_LENS = "the camera's intrinsics are not divided by the picture's size"
_AWAY = "the camera looks away from the head"


def read_captions(path: Path) -> tuple[str, ...]:
    """The lines of a caption file that are not empty, UTF-8.

    Raises:
        BrokenFile: missing, empty, not text.
    """
    try:
        if path.stat().st_size > _FEW_BYTES:
            raise BrokenFile(path, "the caption is longer than 1 MiB")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise BrokenFile(path, "the caption is missing") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BrokenFile(path, "the caption is no UTF-8 text") from error
    return clean_captions(text.splitlines(), path)


def clean_captions(lines, path: Path) -> tuple[str, ...]:
    """Captions with single spaces, without the empty ones; raises BrokenFile where none is left."""
    captions = tuple(" ".join(line.split()) for line in lines)
    captions = tuple(caption for caption in captions if caption)
    if not captions:
        raise BrokenFile(path, "the caption is empty")
    return captions


def read_json(path: Path):
    """The value of a JSON file.

    Raises:
        InputError: missing, or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}; check the name or put the file there.") from error
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{path.name} is no readable JSON ({error}); write it again.") from error


def caption_table(path: Path) -> dict[str, tuple[str, ...]]:
    """{name without suffix: captions, () where empty} of {"<name>": "caption" or ["caption", ...]}.

    Raises:
        InputError: another structure.
    """
    table = read_json(path)
    if not isinstance(table, dict):
        raise InputError(f"{path.name} holds a {type(table).__name__}; it must be an object of names and captions: "
                         f'{{"00001.jpg": "a smiling woman", ...}}.')
    captions = {}
    for name, value in table.items():
        lines = [value] if isinstance(value, str) else value
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise InputError(f"{path.name} has no text for {name!r}; give a caption or a list of captions.")
        try:
            captions[stem(name)] = clean_captions(lines, path)
        except BrokenFile:
            captions[stem(name)] = ()
    return captions


def camera_table(path: Path) -> dict[str, Tensor | BrokenFile]:
    """{name without suffix: label [25], or what is wrong with it} of an EG3D dataset.json, empty where it has none.

    Both forms are read: {"labels": [["00000/img00000000.png", [25 numbers]], ...]} and {"labels": {name: numbers}}.

    Raises:
        InputError: another structure.
    """
    table = read_json(path)
    labels = table.get("labels", 0) if isinstance(table, dict) else 0
    if labels is None:                              # as EG3D's tools write a set without cameras
        return {}
    if isinstance(labels, dict):
        labels = list(labels.items())
    if not isinstance(labels, list) or not all(isinstance(pair, list | tuple) and len(pair) == 2
                                               and isinstance(pair[0], str) for pair in labels):
        raise InputError(f'{path.name} is no EG3D dataset.json; it must hold {{"labels": [["<picture>", '
                         f"[25 numbers]], ...]}}.")
    checked = _camera_labels([numbers for _, numbers in labels])
    return {stem(name): BrokenFile(path.parent / name, label) if isinstance(label, str) else label
            for (name, _), label in zip(labels, checked)}


def read_camera(path: Path) -> Tensor:
    """The label [25] of a JSON file with 25 numbers, bare or under "label" or "camera".

    Raises:
        BrokenFile: not JSON, or no valid camera.
    """
    try:
        value = read_json(path)
    except InputError as error:
        raise BrokenFile(path, "the camera is no readable JSON") from error
    if isinstance(value, dict):
        value = value.get("label", value.get("camera"))
    label, = _camera_labels([value])
    if isinstance(label, str):
        raise BrokenFile(path, label)
    return label


def _camera_labels(rows: list) -> list[Tensor | str]:
    """Each row of 25 numbers as a label [25], or what is wrong with it: the rule of `Camera` and `check_view`.

    Tables hold tens of thousands, so they are looked at together.
    """
    checked: list[Tensor | str] = [torch.tensor(row, dtype=torch.float32) if _are_numbers(row) else _NO_NUMBERS
                                   for row in rows]
    good = [index for index, label in enumerate(checked) if isinstance(label, Tensor)]
    for reason, faulty in ((_NO_POSE, pose_faults), (_NO_LENS, lens_faults), (_AWAY, _look_away)):
        if not good:
            break
        faults = faulty(torch.stack([checked[index] for index in good]))
        for index, fault in zip(good, faults):
            if fault:
                checked[index] = reason
        good = [index for index, fault in zip(good, faults) if not fault]
    return checked


def _are_numbers(row) -> bool:
    return isinstance(row, list) and len(row) == CAMERA_NUMBERS and all(
        isinstance(number, int | float) and not isinstance(number, bool) and abs(number) < _LARGEST for number in row)


def _look_away(labels: Tensor) -> list[bool]:
    return (box_range(labels)[1] <= 0).tolist()


def stem(name: str) -> str:
    """A picture's relative name without its suffix, with forward slashes."""
    return Path(name.replace("\\", "/")).with_suffix("").as_posix()
