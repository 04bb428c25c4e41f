"""Files for drop-downs: what cannot be read is left out, and what did not change is not read again."""

import os
import time

import pytest


@pytest.fixture
def listing(pack):
    return pack.host.listing.Listing(".latent.safetensors")


def names(listing, folder):
    return [name for _, name in sorted(listing.names(str(folder)))]


def write(folder, name, age):
    """An empty file, changed `age` seconds ago; its folder too."""
    path = folder / f"{name}.latent.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    for changed in (path, path.parent):
        os.utime(changed, (time.time() - age,) * 2)


def test_links_to_nothing_and_in_circles_are_left_out(listing, tmp_path):
    write(tmp_path, "faces/anna", 30)
    write(tmp_path, "bert", 20)
    (tmp_path / "picture.png").touch()
    (tmp_path / "x.latent.safetensors").symlink_to(tmp_path / "gone.latent.safetensors")
    (tmp_path / "y.latent.safetensors").symlink_to(tmp_path / "y.latent.safetensors")
    (tmp_path / "faces" / "up").symlink_to(tmp_path)
    assert names(listing, tmp_path) == ["faces/anna.latent.safetensors", "bert.latent.safetensors"]
    assert names(listing, tmp_path / "nowhere") == []


def test_only_folders_that_changed_are_read_again(listing, tmp_path, monkeypatch):
    write(tmp_path, "old/anna", 60)
    write(tmp_path, "new/bert", 60)
    assert len(names(listing, tmp_path)) == 2
    os.utime(tmp_path, (time.time() - 60,) * 2)
    names(listing, tmp_path)
    read, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (read.append(os.path.basename(path)), scandir(path))[1])
    assert len(names(listing, tmp_path)) == 2 and read == []
    write(tmp_path, "new/carl", 30)
    assert [name[:8] for name in names(listing, tmp_path)] == ["old/anna", "new/bert", "new/carl"]
    assert read == ["new"]


def test_a_folder_that_changed_this_moment_is_not_trusted(listing, tmp_path):
    """Two changes within one tick of the file system's clock leave one time."""
    write(tmp_path, "anna", 0)
    assert len(names(listing, tmp_path)) == 1
    changed = os.stat(tmp_path).st_mtime_ns
    (tmp_path / "bert.latent.safetensors").touch()
    os.utime(tmp_path, ns=(changed, changed))
    assert len(names(listing, tmp_path)) == 2
