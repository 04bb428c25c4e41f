"""Files are written whole, and as the person's own other files are."""

import os
import subprocess
import sys

import pytest
import torch

from ddgi.files import atomic_path, load_tensors, save_tensors


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
    save_tensors(tmp_path / "a.safetensors", {"a": torch.arange(3)}, format="test", config={"size": 4})
    tensors, metadata = load_tensors(tmp_path / "a.safetensors", format="test")
    assert torch.equal(tensors["a"], torch.arange(3))
    assert metadata["config"] == {"size": 4}
