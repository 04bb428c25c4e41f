"""`python -m ddgi`."""

import os
import sys

# Huge pages make fresh activations cheaper on the CPU; it must be set before torch starts.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
# Windows writes to files and pipes in an old code page: a name that it does not have is escaped, as on standard error.
sys.stdout.reconfigure(errors="backslashreplace")

from .cli import main  # noqa: E402

sys.exit(main())
