"""Files are written whole, and as the person's own other files are."""

import os
import resource
import signal
import subprocess
import sys

import pytest
import torch

from ddgi.errors import InputError, first_line, last_line
from ddgi.files import atomic_path, save_tensors, sweep
from ddgi.native import load_tensors


def test_what_fails_while_it_is_written_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "thing.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_file_has_the_mode_that_the_umask_gives(tmp_path, umask):
    path = tmp_path / "thing.safetensors"
    code = ("import torch; from ddgi.files import save_tensors; "
            f"save_tensors({str(path)!r}, {{'a': torch.ones(1)}}, format='test', config={{}})")
    subprocess.run([sys.executable, "-c", f"import os; os.umask({umask}); {code}"], check=True,
                   env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_tensors_and_settings_come_back(tmp_path):
    save_tensors(tmp_path / "a.safetensors", {"a": torch.arange(3)}, format="ddgi.test", config={"size": 4})
    tensors, metadata = load_tensors(tmp_path / "a.safetensors", format="ddgi.test")
    assert torch.equal(tensors["a"], torch.arange(3))
    assert metadata["config"] == {"size": 4}


def test_a_disk_that_is_full_is_one_sentence_and_the_old_file_stays(tmp_path):
    path = tmp_path / "a.safetensors"
    save_tensors(path, {"a": torch.arange(3)}, format="test", config={})
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # the kernel refuses longer files
    try:
        with pytest.raises(InputError, match=r"a.safetensors could not be written \(.*File too large.*\); free space"):
            save_tensors(path, {"a": torch.ones(10_000)}, format="test", config={})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_none_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with (pytest.raises(InputError, match=r"thing.txt could not be written \((Not a directory|File exists)\); free"),
          atomic_path(tmp_path / "file" / "thing.txt")):
        pass


def test_what_a_killed_writer_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path):
    code = ("import os, sys\nfrom ddgi.files import atomic_path\n"
            f"with atomic_path({str(tmp_path / 'a.txt')!r}) as path:\n    path.write_text('half')\n    os._exit(0)")
    subprocess.run([sys.executable, "-c", code], check=True,
                   env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    (tmp_path / ".hidden.part").write_text("of another program")
    assert len(list(tmp_path.glob(".a.txt.*.part"))) == 1
    with atomic_path(tmp_path / "b.txt") as path:
        assert not list(tmp_path.glob(".a.txt.*.part"))
        sweep(tmp_path)
        path.write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {"b.txt", ".hidden.part"}


def test_what_another_machine_left_goes_when_it_is_old(tmp_path):
    for name, age in ((".a.0000-1-abc.part", 7200), (".b.0000-1-abc.part", 0)):
        (tmp_path / name).write_text("")
        then = (tmp_path / name).stat().st_mtime - age
        os.utime(tmp_path / name, (then, then))
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".b.0000-1-abc.part"]


def test_errors_are_quoted_by_one_line():
    assert first_line(ValueError(" a\nb")) == "a" and last_line(ValueError("a\n b ")) == "b"
    assert first_line(KeyError()) == "KeyError" and len(first_line(ValueError("x" * 999))) == 200
