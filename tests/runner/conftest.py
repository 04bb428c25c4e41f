"""One ComfyUI for all tests in its front end: to start it takes longer than most of them."""

import pytest

from ddgi.runner.server import Server


@pytest.fixture(scope="package")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("output"), cpu=True, threads=1) as running:
        yield running
