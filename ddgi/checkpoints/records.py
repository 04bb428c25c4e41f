"""Passive values that stand for objects in a foreign file; nothing here runs code of the file."""

import dataclasses
import math
import struct

import torch

from ..errors import InputError

MAX_DIMENSIONS = 8
MAX_OPERATIONS = 400_000
MAX_OBJECTS = 100_000
MAX_SETTING = 4096      # numbers in an array or tensor that is a setting

STORAGE_DTYPES = {
    "FloatStorage": torch.float32, "HalfStorage": torch.float16, "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool,
}
# numpy's codes to those of `struct`; a number's first letter says bool, whole, unsigned or float.
NUMPY_CODES = {"b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q",
               "f2": "e", "f4": "f", "f8": "d"}


@dataclasses.dataclass(eq=False)
class GlobalName:
    """A class or function that the file names, for example "collections.OrderedDict"; never imported."""

    name: str


@dataclasses.dataclass(eq=False)
class Record:
    """An object of the file: the name of its class and its attributes."""

    name: str
    state: dict = dataclasses.field(default_factory=dict)

    def build(self, state: object) -> None:
        """Take the attributes that the pickle gives the object."""
        self.state = state if isinstance(state, dict) else {}


@dataclasses.dataclass(eq=False)
class StorageRecord:
    """Raw memory of one or more tensors; `data` may be filled in after the record is made."""

    dtype: torch.dtype
    count: int
    data: memoryview | None = None


class Budget:
    """What reading one file may still cost: bytes produced, pickle operations, objects looked at.

    A hostile file runs out of it instead of out of memory or time. A file with three 1024 px
    networks needs about 60,000 operations.
    """

    def __init__(self, size: int):
        self.left, self.operations, self.objects = size, MAX_OPERATIONS, MAX_OBJECTS

    def spend(self, size: int) -> None:
        """Take `size` bytes or refuse."""
        self.left -= size
        if self.left < 0:
            raise InputError("it unpacks to far more memory than its own size")

    def meet(self, count: int) -> None:
        """Look at `count` objects or refuse."""
        self.objects -= count
        if self.objects < 0:
            raise InputError("it holds absurdly many objects")


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
        total, item = math.prod(self.size), self.storage.dtype.itemsize
        data = self.storage.data
        if data is None or (self.offset + span) * item > len(data) or total > span:
            raise InputError("a tensor is larger than the data stored for it")
        budget.spend(2 * span * item)
        part = bytearray(data[self.offset * item:(self.offset + span) * item])
        return torch.frombuffer(part, dtype=self.storage.dtype).as_strided(self.size, self.stride).clone()


@dataclasses.dataclass(eq=False)
class DtypeRecord:
    """A numpy dtype of plain numbers."""

    code: str
    order: str = "<"

    def build(self, state: object) -> None:
        """Take the byte order from numpy's own state, (version, order, ...)."""
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "|"):
            self.order = state[1]

    def unpack(self, data: object, count: int) -> list | None:
        """`count` numbers of `data`; None where it holds something else."""
        layout = f"{'>' if self.order == '>' else '<'}{count}{NUMPY_CODES.get(self.code, 'x')}"
        if not isinstance(data, memoryview) or self.code not in NUMPY_CODES or struct.calcsize(layout) != len(data):
            return None
        return list(struct.unpack(layout, data))


@dataclasses.dataclass(eq=False)
class ScalarRecord:
    """A numpy number."""

    dtype: DtypeRecord
    data: object

    def read(self, budget: Budget) -> bool | int | float | None:
        """The number as Python's own; None where it is none."""
        return (self.dtype.unpack(self.data, 1) or [None])[0]


@dataclasses.dataclass(eq=False)
class ArrayRecord:
    """A numpy array; its content arrives after it is made."""

    shape: tuple = ()
    dtype: DtypeRecord | None = None
    data: object = None

    def build(self, state: object) -> None:
        """Take (version, shape, dtype, is Fortran, bytes)."""
        if isinstance(state, tuple) and len(state) == 5 and isinstance(state[2], DtypeRecord) and (
                isinstance(state[1], tuple) and len(state[1]) <= MAX_DIMENSIONS):
            self.shape, self.dtype, self.data = state[1], state[2], state[4]

    def read(self, budget: Budget) -> list | None:
        """Its numbers in one flat list; None where it is no small array of numbers."""
        if self.dtype is None or not all(type(size) is int and 0 <= size < 2 ** 16 for size in self.shape):
            return None
        count = math.prod(self.shape)
        if count > MAX_SETTING:
            return None
        budget.meet(count)
        return self.dtype.unpack(self.data, count)
