"""A pickle reader that executes nothing.

Python's own unpickler imports and calls whatever the file says. This one interprets the opcodes itself:
names of classes stay names, calls become entries of a fixed table (or passive records), and every count is
bounded by the size of the file. Opcodes as documented in the standard library's `pickletools`.
"""

import struct
from collections.abc import Callable

from ..errors import InputError
from .records import ArrayRecord, Budget, DtypeRecord, GlobalName, Record

MAX_NUMBER_BYTES = 1024

Caller = Callable[[str, tuple], object]

CONSTANTS = {b"N": None, b"\x88": True, b"\x89": False}
EMPTY = {b"]": list, b"}": dict, b")": tuple, b"\x8f": list}
FIXED_NUMBERS = {b"J": "<i", b"K": "<B", b"M": "<H", b"G": ">d"}
SIZED = {       # opcode: (format of the length, kind)
    b"X": ("<I", "text"), b"\x8c": ("<B", "text"), b"\x8d": ("<Q", "text"), b"B": ("<I", "bytes"),
    b"C": ("<B", "bytes"), b"\x8e": ("<Q", "bytes"), b"\x96": ("<Q", "bytes"),
    b"T": ("<i", "latin"), b"U": ("<B", "latin"),
    b"\x8a": ("<B", "number"), b"\x8b": ("<i", "number"),
}
MEMO_GET = {b"h": "<B", b"j": "<I"}
MEMO_PUT = {b"q": "<B", b"r": "<I"}
SMALL_TUPLES = {b"\x85": 1, b"\x86": 2, b"\x87": 3}


class PassivePickle:
    """Reads one pickle from `data` starting at `position`; afterwards `position` is just behind it.

    Args:
        data: the file or a part of it.
        call: given (name of the callable, arguments), returns the value; raises InputError for names that
            are not allowed.
        make: the same for objects of a class (no call of a function); None asks `call`.
        budget: shared by all pickles of one file, nested ones included.
        persistent: given a persistent id, returns the value; None refuses them.
    """

    def __init__(self, data: memoryview, call: Caller, budget: Budget, *, make: Caller | None = None,
                 persistent: Callable[[object], object] | None = None, position: int = 0):
        self.data, self.position, self.budget = data, position, budget
        self._call, self._make, self._persistent = call, make or call, persistent
        self._stack: list = []
        self._marks: list[list] = []
        self._memo: dict[int, object] = {}

    def load(self) -> object:
        """The value.

        Raises:
            InputError: the data is no pickle, is cut off, or asks for something that is not allowed.
        """
        try:
            while self.budget.operations > 0:
                self.budget.operations -= 1
                opcode = bytes(self._take(1))
                if opcode == b".":
                    return self._stack.pop()
                self._step(opcode)
        except InputError:
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error) as error:
            raise InputError(f"its pickle is damaged near byte {self.position}") from error
        raise InputError("its pickle holds absurdly many operations")

    def _take(self, count: int) -> memoryview:
        if count < 0 or self.position + count > len(self.data):
            raise InputError("it ends in the middle of its data")
        self.position += count
        return self.data[self.position - count:self.position]

    def _unpack(self, layout: str):
        return struct.unpack(layout, self._take(struct.calcsize(layout)))[0]

    def _line(self) -> bytes:
        window = bytes(self.data[self.position:self.position + MAX_NUMBER_BYTES])
        self.position += window.index(b"\n") + 1
        return window[:window.index(b"\n")]

    def _step(self, opcode: bytes) -> None:
        push = self._stack.append
        if opcode in MEMO_GET:
            push(self._memo[self._unpack(MEMO_GET[opcode])])
        elif opcode in MEMO_PUT:
            self._memo[self._unpack(MEMO_PUT[opcode])] = self._stack[-1]
        elif opcode == b"\x94":
            self._memo[len(self._memo)] = self._stack[-1]
        elif opcode in SIZED:
            layout, kind = SIZED[opcode]
            push(self._sized(self._unpack(layout), kind))
        elif opcode in FIXED_NUMBERS:
            push(self._unpack(FIXED_NUMBERS[opcode]))
        elif opcode in CONSTANTS:
            push(CONSTANTS[opcode])
        elif opcode in EMPTY:
            push(EMPTY[opcode]())
        elif opcode in SMALL_TUPLES:
            count = SMALL_TUPLES[opcode]
            push(tuple([self._stack.pop() for _ in range(count)][::-1]))
        elif (handler := _HANDLERS.get(opcode)) is not None:
            handler(self)
        else:
            raise InputError(f"its pickle uses the operation {opcode!r}, which weights never need")

    def _sized(self, count: int, kind: str) -> object:
        if kind == "number" and count > MAX_NUMBER_BYTES:
            raise InputError("its pickle holds an absurdly long number")
        raw = self._take(count)
        if kind == "text":
            return str(raw, "utf-8", "surrogatepass")
        if kind == "latin":
            return str(raw, "latin-1")
        return raw if kind == "bytes" else int.from_bytes(raw, "little", signed=True)

    def _pop_mark(self) -> list:
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _mark(self):
        self._marks.append(self._stack)
        self._stack = []

    def _short_int_line(self):
        line = self._line()
        self._stack.append(line == b"01" if line in (b"00", b"01") else int(line))

    def _long_line(self):
        self._stack.append(int(self._line().rstrip(b"L")))

    def _float_line(self):
        self._stack.append(float(self._line()))

    def _tuple(self):
        items = self._pop_mark()
        self._stack.append(tuple(items))

    def _list(self):
        items = self._pop_mark()
        self._stack.append(items)

    def _dict(self):
        items = self._pop_mark()
        self._stack.append({})
        self._set_items(items)

    def _append(self):
        item = self._stack.pop()
        self._extend([item])

    def _appends(self):
        self._extend(self._pop_mark())

    def _extend(self, items: list) -> None:
        if not isinstance(self._stack[-1], list):
            raise TypeError("append to something that is no list")
        self._stack[-1].extend(items)

    def _set_item(self):
        value, key = self._stack.pop(), self._stack.pop()
        self._set_items([key, value])

    def _set_many(self):
        self._set_items(self._pop_mark())

    def _set_items(self, items: list) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise TypeError("items for something that is no dict")
        for key, value in zip(items[::2], items[1::2]):
            if type(key) is str:        # nothing is looked up by others, and hashing them can take for ever
                target[key] = value

    def _global(self):
        module, name = str(self._line(), "utf-8"), str(self._line(), "utf-8")
        self._stack.append(GlobalName(f"{module}.{name}"))

    def _stack_global(self):
        name, module = self._stack.pop(), self._stack.pop()
        if type(name) is not str or type(module) is not str or len(name) + len(module) > MAX_NUMBER_BYTES:
            raise TypeError("a name that is no text")
        self._stack.append(GlobalName(f"{module}.{name}"))

    def _reduce(self):
        arguments, function = self._stack.pop(), self._stack.pop()
        if not isinstance(function, GlobalName) or not isinstance(arguments, tuple):
            raise TypeError("a call of something that is no named function")
        self._stack.append(self._call(function.name, arguments))

    def _new_object(self):
        arguments, cls = self._stack.pop(), self._stack.pop()
        if not isinstance(cls, GlobalName) or not isinstance(arguments, tuple):
            raise TypeError("an object of something that is no named class")
        self._stack.append(self._make(cls.name, arguments))

    def _new_object_keywords(self):
        keywords = self._stack.pop()
        if keywords:
            raise TypeError("an object made with keywords")
        self._new_object()

    def _build(self):
        state, target = self._stack.pop(), self._stack[-1]
        if isinstance(state, tuple) and len(state) == 2 and state[0] is None:
            state = state[1]
        if isinstance(target, Record | DtypeRecord | ArrayRecord):
            target.build(state)
        elif not isinstance(target, dict):
            raise TypeError("state for something that is no object")

    def _persistent_id(self):
        key = self._stack.pop()
        if self._persistent is None:
            raise InputError("its pickle refers to data outside of itself")
        self._stack.append(self._persistent(key))

    def _long_frame(self):
        self._take(8)

    def _protocol(self):
        if self._unpack("<B") > 5:
            raise InputError("its pickle has an unknown protocol")


def _pop(reader: PassivePickle) -> None:
    if reader._stack:
        reader._stack.pop()
    else:
        reader._pop_mark()


def _pop_to_mark(reader: PassivePickle) -> None:
    reader._pop_mark()


def _duplicate(reader: PassivePickle) -> None:
    reader._stack.append(reader._stack[-1])


_HANDLERS = {
    b"(": PassivePickle._mark, b"0": _pop, b"1": _pop_to_mark, b"2": _duplicate,
    b"I": PassivePickle._short_int_line, b"L": PassivePickle._long_line, b"F": PassivePickle._float_line,
    b"t": PassivePickle._tuple, b"l": PassivePickle._list, b"d": PassivePickle._dict,
    b"a": PassivePickle._append, b"e": PassivePickle._appends, b"\x90": PassivePickle._appends,
    b"s": PassivePickle._set_item, b"u": PassivePickle._set_many, b"\x91": PassivePickle._list,
    b"c": PassivePickle._global, b"\x93": PassivePickle._stack_global, b"R": PassivePickle._reduce,
    b"\x81": PassivePickle._new_object, b"\x92": PassivePickle._new_object_keywords, b"b": PassivePickle._build,
    b"Q": PassivePickle._persistent_id, b"\x95": PassivePickle._long_frame, b"\x80": PassivePickle._protocol,
}
