"""Files for drop-downs, which ComfyUI asks for at every page load: folders that did not change are not read again."""

import contextlib
import os
import time
from dataclasses import dataclass, field

_SETTLED = 2 * 10**9    # nanoseconds: a folder's time of change is too coarse to tell two changes within a moment


@dataclass
class _Folder:
    """What one folder held when it was read; times are in nanoseconds."""

    changed: int = 0
    read: int = 0
    files: list[tuple[int, str]] = field(default_factory=list)      # time of change and path of each
    folders: list[str] = field(default_factory=list)


class Listing:
    """Files whose names end in one of `suffixes`, in a folder and those below it. What cannot be read is left out."""

    def __init__(self, *suffixes: str):
        self._suffixes = suffixes
        self._known: dict[str, _Folder] = {}

    def names(self, root: str) -> list[tuple[int, str]]:
        """(Time of change, name) of the files below `root`, each relative to it, with "/" between folders."""
        found: list[tuple[int, str]] = []
        waiting, seen = [root], set()
        while waiting:
            path = waiting.pop()
            real = os.path.realpath(path)
            if real not in seen:                                    # links can lead back up
                seen.add(real)
                folder = self._folder(path)
                found += folder.files
                waiting += folder.folders
        start = len(os.path.join(root, ""))
        return [(changed, path[start:].replace(os.sep, "/")) for changed, path in found]

    def _folder(self, path: str) -> _Folder:
        try:
            changed = os.stat(path).st_mtime_ns
            known = self._known.get(path)
            if known is None or known.changed != changed or known.read - changed < _SETTLED:
                known = self._known[path] = self._read(path, changed)
        except OSError:
            return _Folder()
        return known

    def _read(self, path: str, changed: int) -> _Folder:
        folder = _Folder(changed, time.time_ns())
        with os.scandir(path) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):                  # links to nothing, or to themselves
                    if entry.is_dir():
                        folder.folders.append(entry.path)
                    elif entry.name.endswith(self._suffixes):
                        folder.files.append((entry.stat().st_mtime_ns, entry.path))
        return folder
