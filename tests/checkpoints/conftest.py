"""Weights to write foreign files from, and what writes them."""

import pytest
from safetensors.torch import load_file

from . import writers


@pytest.fixture(scope="session")
def skip_case(golden):
    return load_file(golden / "stylegan2_tiny_skip.safetensors")


@pytest.fixture(scope="session")
def public_weights(skip_case):
    return {key[3:]: value for key, value in skip_case.items() if key.startswith("sd.")}


@pytest.fixture(scope="session")
def rosinality_case(golden):
    return load_file(golden / "rosinality_tiny.safetensors")


@pytest.fixture(scope="session")
def rosinality_weights(rosinality_case):
    return {key[3:]: value for key, value in rosinality_case.items() if key.startswith("sd.")}


@pytest.fixture(scope="session")
def eg3d_case(golden):
    return load_file(golden / "eg3d_tiny.safetensors")


@pytest.fixture(scope="session")
def eg3d_weights(eg3d_case):
    return {key[3:]: value for key, value in eg3d_case.items() if key.startswith("sd.")}


@pytest.fixture(scope="session")
def small_weights():
    return writers.small_stylegan2()


@pytest.fixture(scope="session")
def rosinality_small():
    return writers.small_rosinality()


@pytest.fixture(scope="session")
def small_eg3d():
    return writers.small_eg3d()


@pytest.fixture(scope="session")
def write():
    """The module of writers."""
    return writers
