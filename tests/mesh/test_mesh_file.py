"""The node between MESH and core's 3D viewers."""

import json
import struct

import pytest
import torch


@pytest.fixture(scope="module")
def meshes(pack):
    """A triangle and a square, padded to one batch, unlit and coloured."""
    from comfy_api.latest import Types

    corners = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]])
    return Types.MESH(torch.stack([corners, corners]), torch.tensor([[[0, 1, 2], [0, 0, 0]], [[0, 1, 2], [2, 1, 3]]]),
                      vertex_colors=torch.rand(2, 4, 3), vertex_counts=torch.tensor([3, 4]),
                      face_counts=torch.tensor([1, 2]), unlit=True)


def model(pack, mesh, index):
    return pack.nodes.mesh_file.MeshFile.execute(mesh, index).args[0]


@pytest.mark.parametrize(("index", "vertices", "corners"), [(0, 3, 3), (1, 4, 6)])
def test_one_mesh_becomes_a_glb_without_its_padding(pack, meshes, index, vertices, corners):
    file = model(pack, meshes, index)
    data = file.get_bytes()
    assert file.format == "glb" and data[:4] == b"glTF"
    length = struct.unpack("<I", data[12:16])[0]
    gltf = json.loads(data[20:20 + length])
    primitive = gltf["meshes"][0]["primitives"][0]
    counts = {name: gltf["accessors"][accessor]["count"] for name, accessor in primitive["attributes"].items()}
    assert counts["POSITION"] == counts["COLOR_0"] == vertices
    assert gltf["accessors"][primitive["indices"]]["count"] == corners
    assert "KHR_materials_unlit" in gltf["extensionsUsed"]


def test_a_wrong_index_and_an_empty_mesh_are_refused(pack, meshes):
    with pytest.raises(ValueError, match="index is 2, but there are 2 meshes"):
        model(pack, meshes, 2)
    from comfy_api.latest import Types

    with pytest.raises(ValueError, match="empty"):
        model(pack, Types.MESH(torch.zeros(1, 0, 3), torch.zeros(1, 0, 3, dtype=torch.long)), 0)
