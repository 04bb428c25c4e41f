"""The pack as ComfyUI loads it."""

import asyncio


def test_entrypoint_lists_nodes_with_unique_ids(pack):
    extension = asyncio.run(pack.comfy_entrypoint())
    nodes = asyncio.run(extension.get_node_list())
    ids = [node.GET_SCHEMA().node_id for node in nodes]
    assert len(ids) == len(set(ids))
    assert all(node_id.startswith("DDGI") for node_id in ids)


def test_host_keeps_its_own_nodes_module(pack, host):
    import nodes

    assert nodes.__file__.startswith(str(host))
