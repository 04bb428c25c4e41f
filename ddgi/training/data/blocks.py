"""Pictures that are rendered when they are first asked for, in blocks, and kept as bytes in memory or on disk."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from ...errors import InputError
from ...files import load_tensors, save_tensors

FORMAT = "ddgi.training-block"
BLOCK = 32                                          # most items rendered together
_BLOCK_PIXELS = 2 ** 20                             # large pictures come in smaller blocks: the first is soon there
Tensors = dict[str, Tensor]


class Blocks:
    """Rows of tensors by index; block b holds rows n b to n b + n - 1.

    Blocks are the same whichever row is asked for first. The least recently used leave memory when it is full; with
    a folder they come back from there, without one they are rendered again.

    Args:
        count: number of rows.
        render: from a range of rows to tensors with one row each; it must depend on nothing else.
        key: JSON values that say what is rendered: other keys use other files of the same folder.
        rows: n, the number of rows in a block.
        folder: where blocks are kept between runs, or None.
        memory_mib: bound on the blocks in memory; one block is always kept.
    """

    def __init__(self, count: int, render: Callable[[range], Tensors], *, key: dict, rows: int = BLOCK,
                 folder: str | Path | None = None, memory_mib: float = 1024):
        if memory_mib <= 0:
            raise InputError(f"A memory limit of {memory_mib} MiB was given; it must be above 0.")
        self.count, self.render, self.key, self.rows = count, render, key, rows
        self.folder = None if folder is None else Path(folder)
        self.limit = int(memory_mib * 2 ** 20)
        self.used = 0
        self._kept: OrderedDict[int, Tensors] = OrderedDict()

    def row(self, index: int) -> Tensors:
        """The tensors of one row, without the first dimension."""
        if not 0 <= index < self.count:
            raise IndexError(f"item {index} of {self.count}")
        block = self._block(index // self.rows)
        return {name: value[index % self.rows] for name, value in block.items()}

    def _block(self, number: int) -> Tensors:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        block = self._load(number)
        self._kept[number] = block
        self.used += _size(block)
        while self.used > self.limit and len(self._kept) > 1:
            self.used -= _size(self._kept.popitem(last=False)[1])
        return block

    def _load(self, number: int) -> Tensors:
        path = self.path(number)
        if path is not None and path.is_file():
            try:
                return load_tensors(path, format=FORMAT)[0]
            except InputError:
                pass                                # a damaged file is written anew
        block = self.render(self._range(number))
        if path is not None:
            save_tensors(path, block, format=FORMAT, config=self.key)
        return block

    def path(self, number: int) -> Path | None:
        """The file of a block, or None without a folder."""
        if self.folder is None:
            return None
        parts = [self.key, self.rows, len(self._range(number))]
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
        return self.folder / f"{digest}-{number:05d}.safetensors"

    def _range(self, number: int) -> range:
        return range(number * self.rows, min((number + 1) * self.rows, self.count))


def rows_for(resolution: int) -> int:
    """How many pictures of this size make a block: 32 up to 181 pixels a side, 4 at 512, 1 at 1024."""
    return max(1, min(BLOCK, _BLOCK_PIXELS // resolution ** 2))


def _size(block: Tensors) -> int:
    return sum(value.numel() * value.element_size() for value in block.values())
