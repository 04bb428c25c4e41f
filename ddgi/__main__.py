"""`python -m ddgi`."""

import os
import sys

# Huge pages make fresh activations cheaper on the CPU; it must be set before torch starts.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

from .cli import main  # noqa: E402

sys.exit(main())
