"""Shared fixtures: the real ComfyUI on the CPU, and the pack loaded the way ComfyUI loads it."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# ComfyUI and this pack both have a top-level `nodes`; the pack's root must come after ComfyUI.
sys.path[:] = [entry for entry in sys.path if Path(entry or os.getcwd()).resolve() != ROOT] + [str(ROOT)]

from ddgi.runner.host import import_host, load_pack  # noqa: E402


class _RootIsNoTestPackage:
    """The pack's root has an `__init__.py`, which only ComfyUI may import; pytest must not."""

    @staticmethod
    def pytest_collect_directory(path, parent):
        return pytest.Dir.from_parent(parent, path=path) if path == ROOT else None


def pytest_configure(config):
    config.pluginmanager.register(_RootIsNoTestPackage())


@pytest.fixture(scope="session")
def host(tmp_path_factory):
    """ComfyUI imported on the CPU with an empty base folder; the value is ComfyUI's own folder."""
    return import_host(tmp_path_factory.mktemp("comfyui"), cpu=True)


@pytest.fixture(scope="session")
def pack(host):
    """The pack under its path as module name, with its nodes loaded; `pack.ddgi` is `ddgi`."""
    module = load_pack()
    module.nodes.node_classes()
    return module


@pytest.fixture(scope="session")
def golden():
    """The folder of reference numbers."""
    return ROOT / "tests" / "golden"


@pytest.fixture(scope="session")
def randomised():
    """To a generator with noise and biases that are not zero, as they are before training."""
    import torch

    def change(generator):
        rng = torch.Generator().manual_seed(1)
        for name, value in generator.module.named_parameters():
            if name.endswith(("noise_strength", "bias")):
                value.data += 0.5 * torch.randn(value.shape, generator=rng)
        return generator
    return change
