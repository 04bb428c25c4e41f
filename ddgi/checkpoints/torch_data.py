"""Tensors inside pickles and the two container formats of `torch.save`, read without `torch.load`."""

import mmap
import struct
import zipfile
import zlib
from pathlib import Path

from ..config import short
from ..errors import InputError
from .passive_pickle import Caller, PassivePickle
from .records import (
    STORAGE_DTYPES,
    ArrayRecord,
    Budget,
    DtypeRecord,
    GlobalName,
    Record,
    ScalarRecord,
    StorageRecord,
    TensorRecord,
)

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_VERSION = 1001
MAX_DIRECTORY_BYTES = 4 << 20
MAX_STORAGES = 50_000

# Functions that make objects which appear in the public files beside the weights; those become passive records.
PASSIVE_NAMES = {"torch.Size", "torch.device", "pathlib.PosixPath", "pathlib.WindowsPath"}
SET_NAMES = {"builtins.set", "__builtin__.set", "builtins.frozenset", "__builtin__.frozenset"}
DICT_NAMES = {"collections.OrderedDict", "dnnlib.util.EasyDict"}
NUMPY = ("numpy.core.multiarray.", "numpy._core.multiarray.")


class TorchCalls:
    """The table of everything a weights file may "call"; pass `self` and `self.make` to the reader."""

    def __init__(self, budget: Budget):
        self.budget = budget
        self._handlers = {
            "_codecs.encode": self._encode,
            "torch._utils._rebuild_tensor": _tensor,
            "torch._utils._rebuild_tensor_v2": _tensor,
            "torch._utils._rebuild_parameter": lambda tensor, *_: tensor,
            "torch.storage._load_from_bytes": self._nested_storage,
            "torch_utils.persistence._reconstruct_persistent_obj": _persistent_object,
            "copyreg._reconstructor": _plain_object, "copy_reg._reconstructor": _plain_object,
            "numpy.dtype": _dtype,
            **{f"{module}scalar": _scalar for module in NUMPY},
            **{f"{module}_reconstruct": lambda *_: ArrayRecord() for module in NUMPY},
        }

    def __call__(self, name: str, arguments: tuple) -> object:
        if name in DICT_NAMES:
            return self._plain_dict(*arguments)
        if name in SET_NAMES:
            return arguments[0] if arguments else []
        if handler := self._handlers.get(name):
            return handler(*arguments)
        if name in PASSIVE_NAMES:
            return Record(name)
        raise InputError(f"it asks to run {short(name)}, which weights never need")

    def make(self, name: str, arguments: tuple) -> object:
        """An object of any class as a passive record: its name stays a name, whatever it is."""
        if name in DICT_NAMES or name in SET_NAMES or name in PASSIVE_NAMES:
            return self(name, arguments)
        if arguments:
            raise InputError(f"it asks to make {short(name)} from values, which weights never need")
        return Record(name)

    def _encode(self, text: str, encoding: str) -> memoryview:
        if encoding != "latin1" or not isinstance(text, str):
            raise TypeError("bytes in an unknown encoding")
        self.budget.spend(len(text))
        return memoryview(text.encode("latin-1"))

    def _plain_dict(self, items: list | tuple = ()) -> dict:
        self.budget.spend(64 * len(items))      # the same list may be given a million times
        return {key: value for key, value in items if type(key) is str}

    def _nested_storage(self, data: memoryview) -> StorageRecord:
        """A storage saved by `torch.save` into a bytes value; only a storage is accepted inside."""
        storage = read_legacy(memoryview(data), _refuse_calls, self.budget)
        if not isinstance(storage, StorageRecord):
            raise InputError("it nests a file that is no tensor data")
        return storage


def _refuse_calls(name: str, arguments: tuple) -> object:
    raise InputError(f"it asks to run {short(name)} inside nested tensor data")


def _tensor(storage: StorageRecord, offset: int, size: tuple, stride: tuple, *_) -> TensorRecord:
    if not isinstance(storage, StorageRecord) or type(size) is not tuple or type(stride) is not tuple:
        raise TypeError("a tensor without storage or sizes")
    return TensorRecord(storage, offset, size, stride)


def _persistent_object(meta: dict) -> Record:
    """NVIDIA's pickled modules: their source text is left unread, class name and attributes are kept."""
    state, name = meta.get("state"), meta.get("class_name")
    if type(name) is not str:
        raise InputError(f"it names a class with {short(name)}")
    return Record(name, state if isinstance(state, dict) else {})


def _plain_object(cls: GlobalName, *_) -> Record:
    """What old pickle protocols call for an object of a class."""
    if not isinstance(cls, GlobalName):
        raise TypeError("an object of something that is no named class")
    return Record(cls.name)


def _dtype(code: str, *_) -> DtypeRecord:
    if type(code) is not str:
        raise TypeError("a number type that is no text")
    return DtypeRecord(code.lstrip("<|=") if code[:1] in "<|=" else code)


def _scalar(dtype: DtypeRecord, data: object = None) -> ScalarRecord:
    if not isinstance(dtype, DtypeRecord):
        raise TypeError("a number without a type")
    return ScalarRecord(dtype, data)


def _storage_key(identity: object) -> tuple[StorageRecord, str]:
    """The persistent id ("storage", type, key, location, element count, ...) of `torch.save`."""
    kind, storage_type, key, _, count = identity[:5]
    view = identity[5:]
    dtype = STORAGE_DTYPES.get(storage_type.name.rpartition(".")[2]) if isinstance(storage_type, GlobalName) else None
    if kind != "storage" or dtype is None or not isinstance(key, str) or view not in ((), (None,)):
        raise InputError("it refers to data of an unknown kind")
    if type(count) is not int or not 0 <= count < 2 ** 48:
        raise InputError("a tensor has impossible sizes")
    return StorageRecord(dtype, count), key


class _Storages(dict):
    """Storages by key, made at the first mention."""

    def __call__(self, identity: object) -> StorageRecord | GlobalName:
        if identity[0] == "module" and isinstance(identity[1], GlobalName):     # old torch: a class with its source
            return identity[1]
        storage, key = _storage_key(identity)
        if len(self) >= MAX_STORAGES:
            raise InputError(f"it holds more than {MAX_STORAGES:,} tensors")
        return self.setdefault(key, storage)


def read_legacy(data: memoryview, call: Caller, budget: Budget) -> object:
    """The value of a `torch.save` file of the old format: five pickles, then the raw storages."""
    storages, position, values = _Storages(), 0, []
    for index in range(5):
        reader = PassivePickle(data, call if index == 3 else _refuse_calls, budget, position=position,
                               make=getattr(call, "make", None) if index == 3 else None,
                               persistent=storages if index == 3 else None)
        values.append(reader.load())
        position = reader.position
        if index == 0 and values[0] != LEGACY_MAGIC:
            raise InputError("it is no file of torch.save")
    if values[1] != LEGACY_VERSION or not isinstance(values[2], dict) or values[2].get("little_endian") is not True:
        raise InputError("it was saved on a machine with another byte order or by an unknown version of torch")
    if not isinstance(values[4], list) or len(values[4]) > len(storages):
        raise InputError("its list of tensors is damaged")
    for key in values[4]:
        storage = storages[key] if isinstance(key, str) and key in storages else None
        if storage is None or position + 8 > len(data):
            raise InputError("it ends in the middle of its data")
        count = struct.unpack("<q", data[position:position + 8])[0]
        size = storage.count * storage.dtype.itemsize
        if count != storage.count or position + 8 + size > len(data):
            raise InputError("it ends in the middle of its data")
        storage.data = data[position + 8:position + 8 + size]
        position += 8 + size
    return values[3]


def _check_zip_directory(data: memoryview) -> None:
    """Refuse directories that would cost much memory before the zip reader sees them."""
    tail = bytes(data[-65557:])
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or end + 22 > len(tail):
        raise InputError("it ends in the middle of its data")
    size = struct.unpack("<I", tail[end + 12:end + 16])[0]
    locator = tail.rfind(b"PK\x06\x06", 0, end)
    if size == 0xFFFFFFFF and locator >= 0:
        size = struct.unpack("<Q", tail[locator + 40:locator + 48])[0]
    if size > MAX_DIRECTORY_BYTES:
        raise InputError("its list of parts is absurdly long")


class _ZipParts:
    """Stored (never compressed) parts of a zip file as slices of the mapped file."""

    def __init__(self, path: Path, data: memoryview, budget: Budget):
        _check_zip_directory(data)
        self.data, self.budget = data, budget
        with zipfile.ZipFile(path) as archive:
            self.entries = {info.filename.partition("/")[2]: info for info in archive.infolist()}

    def read(self, name: str) -> memoryview:
        """Content of one part, its checksum verified."""
        info = self.entries.get(name)
        if info is None:
            raise InputError(f"its part {name[:40]!r} is missing")
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 or info.compress_size != info.file_size:
            raise InputError("its parts are compressed, which torch.save never does")
        self.budget.spend(info.file_size)       # many names may point at the same bytes
        header = bytes(self.data[info.header_offset:info.header_offset + 30])
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            raise InputError("its list of parts is damaged")
        start = info.header_offset + 30 + sum(struct.unpack("<HH", header[26:30]))
        part = self.data[start:start + info.file_size]
        if len(part) != info.file_size or zlib.crc32(part) != info.CRC:
            raise InputError(f"its part {name[:40]!r} is damaged")
        return part


def read_zip(path: Path, data: memoryview, call: TorchCalls) -> object:
    """The value of a `torch.save` file of the zip format (torch 1.6 and later)."""
    parts, storages = _ZipParts(path, data, call.budget), _Storages()
    if "byteorder" in parts.entries and bytes(parts.read("byteorder")[:6]) != b"little":
        raise InputError("it was saved on a machine with another byte order")
    value = PassivePickle(parts.read("data.pkl"), call, call.budget, make=call.make, persistent=storages).load()
    for key, storage in storages.items():
        storage.data = parts.read(f"data/{key}")
        if len(storage.data) != storage.count * storage.dtype.itemsize:
            raise InputError("a tensor has another size than its data")
    return value


def map_file(path: Path) -> memoryview:
    """The file as memory that is read on demand; closed with the last view of it."""
    with open(path, "rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
