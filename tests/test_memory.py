"""Freed memory: what the process holds after a large block is gone."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource
import sys
import numpy
from ddgi.memory import keep_freed_memory

def held():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2 ** 20

kept = sys.argv[1] == "keep" and keep_freed_memory()
before = held()
block = numpy.ones(128 * 2 ** 20, numpy.uint8)
assert held() - before > 120
del block
print(kept, held() - before > 120)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have other allocators")
@pytest.mark.parametrize("way", ["keep", "return"])
def test_a_block_of_128_mib_stays_only_where_it_is_asked_to(way):
    done = subprocess.run([sys.executable, "-c", PROGRAM, way], capture_output=True, text=True, check=True)
    asked = str(way == "keep")
    assert done.stdout.split() == [asked, asked]
