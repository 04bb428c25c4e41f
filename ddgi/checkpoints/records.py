"""Passive values that stand for objects in a foreign file; nothing here runs code of the file."""

import dataclasses

import torch

from ..errors import InputError

MAX_DIMENSIONS = 8
MAX_OPERATIONS = 400_000

STORAGE_DTYPES = {
    "FloatStorage": torch.float32, "HalfStorage": torch.float16, "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool,
}


@dataclasses.dataclass(eq=False)
class GlobalName:
    """A class or function that the file names, for example "collections.OrderedDict"; never imported."""

    name: str


@dataclasses.dataclass(eq=False)
class Record:
    """An object of the file: the name of its class and its attributes."""

    name: str
    state: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(eq=False)
class StorageRecord:
    """Raw memory of one or more tensors; `data` may be filled in after the record is made."""

    dtype: torch.dtype
    count: int
    data: memoryview | None = None


class Budget:
    """What reading one file may still cost, in bytes produced and pickle operations.

    A hostile file runs out of it instead of out of memory or time. A file with three 1024 px
    networks needs about 60,000 operations.
    """

    def __init__(self, size: int):
        self.left, self.operations = size, MAX_OPERATIONS

    def spend(self, size: int) -> None:
        """Take `size` bytes or refuse."""
        self.left -= size
        if self.left < 0:
            raise InputError("it unpacks to far more memory than its own size")


@dataclasses.dataclass(eq=False)
class TensorRecord:
    """A view on a storage, checked and copied out only when it is wanted."""

    storage: StorageRecord
    offset: int
    size: tuple
    stride: tuple

    def read(self, budget: Budget) -> torch.Tensor:
        """The tensor, in memory of its own.

        Raises:
            InputError: sizes do not fit the storage.
        """
        numbers = (self.offset, *self.size, *self.stride)
        if not all(type(value) is int and 0 <= value < 2 ** 48 for value in numbers):
            raise InputError("a tensor has impossible sizes")
        if len(self.size) != len(self.stride) or len(self.size) > MAX_DIMENSIONS:
            raise InputError("a tensor has impossible sizes")
        if 0 in self.size:
            return torch.empty(self.size if max(self.size) < 2 ** 16 else (0,), dtype=self.storage.dtype)
        span = 1 + sum((size - 1) * stride for size, stride in zip(self.size, self.stride))
        total = 1
        for size in self.size:
            total *= size
        item = self.storage.dtype.itemsize
        data = self.storage.data
        if data is None or (self.offset + span) * item > len(data) or total > span:
            raise InputError("a tensor is larger than the data stored for it")
        budget.spend(2 * span * item)
        part = bytearray(data[self.offset * item:(self.offset + span) * item])
        return torch.frombuffer(part, dtype=self.storage.dtype).as_strided(self.size, self.stride).clone()
