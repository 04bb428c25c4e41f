"""What node tests share: a module's own generator `network` as a file that the host lists."""

import pytest


@pytest.fixture
def folders(pack, network, tmp_path, monkeypatch):
    import folder_paths

    network.save(tmp_path / "base.safetensors")
    monkeypatch.setattr(folder_paths, "output_directory", str(tmp_path / "output"))
    monkeypatch.setitem(folder_paths.folder_names_and_paths, pack.host.folders.GENERATORS,
                        ([str(tmp_path)], {".safetensors"}))
    return tmp_path


@pytest.fixture
def generator(pack, folders):
    return pack.host.managed.managed_generator(folders / "base.safetensors")
