"""What the C library does with memory that a process freed."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4     # parameters of mallopt(3) in the GNU C library


def give_back_freed_memory() -> None:
    """Return freed memory to the system, where the C library can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def keep_freed_memory() -> bool:
    """Let the main thread use large blocks of memory again that it freed, in the place of asking for new ones.

    By default blocks of more than 32 MiB go back to the system at once, and each new one costs a page fault for every
    4 KiB when it is first touched: in a training step as long as the computing itself. The process then stays as
    large as it ever was, which suits a command, not a server. Other threads take no part.

    Returns:
        Whether it could be set: only the GNU C library's allocator, that of most Linux systems, knows it.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return bool(mallopt and mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, -1))
