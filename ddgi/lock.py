"""One process in a folder at a time, by a lock of the operating system: it ends with the process, however that ends."""

import contextlib
import datetime
import errno
import json
import os
import socket
from pathlib import Path

from .errors import InputError
from .files import write_error

_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_FAR = 1 << 30              # Windows locks bytes, which nobody can then read: one beyond all that is written


class FolderLock:
    """`with lock:` holds `folder`; it may be entered again inside. Its file says who holds it, and stays.

    Where a file system has no locks, nothing is held.

    Raises:
        InputError: another process, or another lock of this one, holds the folder; it is named.
    """

    def __init__(self, folder: str | Path, name: str = "in-use.lock"):
        self.folder, self.path = Path(folder), Path(folder) / name
        self._file, self._depth = None, 0

    def __enter__(self) -> "FolderLock":
        if self._depth == 0:
            self._take()
        self._depth += 1
        return self

    def __exit__(self, *error) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._file.close()                      # which ends the lock
            self._file = None

    def _take(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = open(self.path, "a+b", buffering=0)  # closing it writes nothing, so it cannot fail
        except OSError as error:
            raise write_error(self.path, error) from error
        try:
            _lock(file.fileno())
        except OSError as error:
            if error.errno in _HELD:
                holder = _holder(file)
                file.close()
                raise InputError(f"{self.folder} is in use by {holder}; wait until that is through, stop it, or choose "
                                 f"another folder.") from error
        with contextlib.suppress(OSError):          # a full disk: held all the same, by nobody with a name
            holder = {"process": os.getpid(), "machine": socket.gethostname(),
                      "since": datetime.datetime.now().isoformat(" ", "seconds")}
            file.truncate(0)
            file.write(json.dumps(holder).encode())
        self._file = file


def _holder(file) -> str:
    try:
        file.seek(0)
        holder = json.loads(file.read())
        return f"process {holder['process']} on {holder['machine']} since {holder['since']}"
    except (OSError, ValueError, TypeError, KeyError):
        return "another process"


def _lock(descriptor: int) -> None:
    """Lock an open file at once, or raise OSError."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
