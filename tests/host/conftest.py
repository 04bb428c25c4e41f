"""What tests of the host share."""

import pytest


@pytest.fixture(scope="module")
def nodes(pack):
    """The pack's node classes by name."""
    return {node.__name__: node for node in pack.nodes.node_classes()}
