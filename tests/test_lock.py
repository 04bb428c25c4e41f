"""A folder has one user at a time, who is named, and a crash frees it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ddgi.errors import InputError
from ddgi.lock import FolderLock

HOLD = ("import sys\nfrom ddgi.lock import FolderLock\n"
        "with FolderLock(sys.argv[1]):\n    print('held', flush=True)\n    input()")


@pytest.fixture
def holder(tmp_path):
    """Another process that holds `tmp_path`."""
    root = Path(__file__).resolve().parents[1]
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             env={**os.environ, "PYTHONPATH": str(root)}, text=True)
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.wait()


def test_who_holds_a_folder_is_named_until_it_ends_in_whatever_way(tmp_path, holder):
    with pytest.raises(InputError, match=rf"is in use by process {holder.pid} on .* since 20\d\d-.*choose another"):
        FolderLock(tmp_path).__enter__()
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with FolderLock(tmp_path):
        pass


def test_a_lock_may_be_entered_again_but_not_by_another_one(tmp_path):
    lock = FolderLock(tmp_path)
    with lock:
        with lock:
            pass
        with pytest.raises(InputError, match=f"is in use by process {os.getpid()}"):
            FolderLock(tmp_path).__enter__()
    with FolderLock(tmp_path):
        pass


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"could not be written \((Not a directory|File exists)\)"):
        FolderLock(tmp_path / "file").__enter__()
