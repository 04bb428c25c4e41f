"""Rows of tensors that are made once, in chunks, and kept: in memory, in files, or both."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from ...errors import InputError
from ...files import save_tensors
from ...native import load_tensors

FORMAT = "ddgi.training-rows"
CHUNK = 32                                          # most rows made together
_CHUNK_PIXELS = 2 ** 20                             # large pictures come in smaller chunks: the first is soon there
Tensors = dict[str, torch.Tensor]
Progress = Callable[[int, int], None]


class KeptRows:
    """Rows of tensors by index; chunk c holds rows n c to n c + n - 1.

    Chunks are the same whichever row is asked for first. What is in neither memory nor a whole file is made anew.

    Args:
        count: number of rows.
        make: from a range of rows to tensors with one row each; it must depend on nothing else.
        key: JSON values that say what is made: other keys use other files of the same folder.
        rows: n, the number of rows in a chunk.
        folder: where chunks are kept between runs, or None.
        memory_mib: bound on the chunks in memory, the least recently used leave; one is always kept. None keeps none:
            rows are then read one by one from the files of `folder`, which must be given.
        damaged: called with the path of a file that cannot be read and is made anew.
    """

    def __init__(self, count: int, make: Callable[[range], Tensors], *, key: dict, rows: int = CHUNK,
                 folder: str | Path | None = None, memory_mib: float | None = 1024,
                 damaged: Callable[[Path], None] = lambda path: None):
        if memory_mib is not None and memory_mib <= 0:
            raise InputError(f"A memory limit of {memory_mib} MiB was given; it must be above 0.")
        self.count, self.make, self.key, self.rows, self.damaged = count, make, key, rows, damaged
        self.folder = None if folder is None else Path(folder)
        self.limit = None if memory_mib is None else int(memory_mib * 2 ** 20)
        self.used = 0
        self._kept: OrderedDict[int, Tensors] = OrderedDict()

    def row(self, index: int) -> Tensors:
        """The tensors of one row, without the first dimension."""
        if not 0 <= index < self.count:
            raise IndexError(f"item {index} of {self.count}")
        number, place = divmod(index, self.rows)
        if self.limit is None:
            found = self._read(self.path(number), place)
            return {name: value[place] for name, value in self._make(number).items()} if found is None else found
        return {name: value[place] for name, value in self._chunk(number).items()}

    def fill(self, progress: Progress = lambda done, total: None) -> None:
        """Make every chunk that `folder` lacks; progress(rows done, rows in all) may raise to stop."""
        for number in range(-(-self.count // self.rows)):
            if not self._is_whole(self.path(number)):
                self._make(number)
            progress(min((number + 1) * self.rows, self.count), self.count)

    def path(self, number: int) -> Path | None:
        """The file of a chunk, or None without a folder."""
        if self.folder is None:
            return None
        parts = [self.key, self.rows, len(self._range(number))]
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
        return self.folder / f"{digest}-{number:05d}.safetensors"

    def _chunk(self, number: int) -> Tensors:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        chunk = self._load(number)
        self._kept[number] = chunk
        self.used += _size(chunk)
        while self.used > self.limit and len(self._kept) > 1:
            self.used -= _size(self._kept.popitem(last=False)[1])
        return chunk

    def _load(self, number: int) -> Tensors:
        path = self.path(number)
        return load_tensors(path, format=FORMAT)[0] if self._is_whole(path) else self._make(number)

    def _make(self, number: int) -> Tensors:
        chunk, path = self.make(self._range(number)), self.path(number)
        if path is not None:
            save_tensors(path, chunk, format=FORMAT, config=self.key)
        return chunk

    def _is_whole(self, path: Path | None) -> bool:
        """Whether there is a file of the length that its header says."""
        return path is not None and path.is_file() and self._opened(path, lambda file: True) is not None

    def _read(self, path: Path, place: int) -> Tensors | None:
        """One row of a mapped file, not all of it; None where there is no whole file."""
        if not path.is_file():
            return None
        return self._opened(path, lambda file: {name: file.get_slice(name)[place:place + 1][0]
                                                for name in file.keys()})  # noqa: SIM118

    def _opened(self, path: Path, look: Callable):
        """What `look` makes of the open file, or None where it is damaged."""
        try:
            with safe_open(path, "pt") as file:
                return look(file)
        except (SafetensorError, OSError):
            self.damaged(path)
            return None

    def _range(self, number: int) -> range:
        return range(number * self.rows, min((number + 1) * self.rows, self.count))


def rows_for(resolution: int) -> int:
    """How many pictures of this size make a chunk: 32 up to 181 pixels a side, 4 at 512, 1 at 1024."""
    return max(1, min(CHUNK, _CHUNK_PIXELS // resolution ** 2))


def _size(chunk: Tensors) -> int:
    return sum(value.numel() * value.element_size() for value in chunk.values())
