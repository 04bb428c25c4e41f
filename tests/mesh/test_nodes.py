"""The mesh nodes through core's own VoxelToMesh and SaveGLB."""

import dataclasses
import json
import struct

import numpy as np
import pytest
import torch

import ddgi.mesh

SIDE = 40
DEFAULTS = {"resolution": SIDE, "threshold": 10.0, "truncation": 1.0, "crop_back": 0.0, "crop_bottom": 0.0,
            "memory_mib": 64, "allow_relative": False}


def voxel_of(pack, ball, **settings):
    return pack.nodes.mesh.DensityToVoxel.execute(ball.generator, ball.latent, **{**DEFAULTS, **settings}).args[0]


def mesh_of(pack, ball, **settings):
    settings = {**DEFAULTS, "only_largest": True, **settings}
    return pack.nodes.mesh.HeadMeshNode.execute(ball.generator, ball.latent, **settings).args[0]


def read_glb(path):
    """(JSON, {attribute name or "indices": array}) of a binary glTF 2.0 file with one mesh."""
    data = path.read_bytes()
    assert struct.unpack_from("<4sII", data) == (b"glTF", 2, len(data))
    length, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON"
    gltf, binary = json.loads(data[20:20 + length]), data[20 + length + 8:]
    assert struct.unpack_from("<I4s", data, 20 + length) == (len(binary), b"BIN\0")

    def array(index):
        accessor = gltf["accessors"][index]
        view = gltf["bufferViews"][accessor["bufferView"]]
        width = {"SCALAR": 1, "VEC3": 3}[accessor["type"]]
        values = np.frombuffer(binary, {5126: "<f4", 5125: "<u4"}[accessor["componentType"]],
                               accessor["count"] * width, view["byteOffset"])
        return values.reshape(-1, width)

    primitive = gltf["meshes"][0]["primitives"][0]
    assert primitive.get("mode", 4) == 4        # triangles
    arrays = {name: array(index) for name, index in primitive["attributes"].items()}
    return gltf, {**arrays, "indices": array(primitive["indices"]).reshape(-1, 3)}


@pytest.fixture
def saved(pack, pack_ball, tmp_path, monkeypatch):
    """The GLB files that core's SaveGLB writes for the two heads."""
    import folder_paths
    from comfy_extras.nodes_save_3d import SaveGLB

    monkeypatch.setattr(folder_paths, "output_directory", str(tmp_path))
    monkeypatch.setattr(SaveGLB, "hidden", type("Hidden", (), {"prompt": None, "extra_pnginfo": None}), raising=False)
    results = SaveGLB.execute(mesh_of(pack, pack_ball), "3d/head").ui["3d"]
    return [tmp_path / entry["subfolder"] / entry["filename"] for entry in results]


def test_saved_head_is_where_it_belongs_and_faces_outward(pack_ball, saved):
    assert len(saved) == 2
    gltf, arrays = read_glb(saved[0])
    position, triangles = arrays["POSITION"], arrays["indices"]
    centre = pack_ball.centre.numpy()
    assert abs((position.min(0) + position.max(0)) / 2 - centre).max() < 0.01
    assert abs(np.linalg.norm(position - centre, axis=1) - pack_ball.radius).max() < 0.01
    bounds = gltf["accessors"][gltf["meshes"][0]["primitives"][0]["attributes"]["POSITION"]]
    assert np.allclose(bounds["min"], position.min(0)) and np.allclose(bounds["max"], position.max(0))
    a, b, c = (position[triangles[:, corner]] - centre for corner in range(3))
    assert (np.cross(b - a, c - a) * (a + b + c)).sum(1).min() > 0
    assert triangles.max() == len(position) - 1


def test_saved_colours_are_linear_and_unlit(pack_ball, saved):
    gltf, arrays = read_glb(saved[0])
    assert "KHR_materials_unlit" in gltf["extensionsUsed"]
    red = arrays["COLOR_0"][:, 0].astype(np.float64)
    display = np.where(red <= 0.0031308, red * 12.92, 1.055 * red ** (1 / 2.4) - 0.055)
    expected = 1 / (1 + np.exp(-pack_ball.sharpness * arrays["POSITION"][:, 0]))
    assert abs(display - expected).max() < 0.04 * pack_ball.box * pack_ball.sharpness / 4   # from just below, see heads
    assert len(red) == len(arrays["POSITION"])


@pytest.mark.parametrize("algorithm", ["basic", "surface net"])
def test_core_voxel_to_mesh_puts_the_ball_in_place_with_its_default_threshold(pack, pack_ball, algorithm):
    from comfy_extras.nodes_hunyuan3d import VoxelToMesh

    voxel = voxel_of(pack, pack_ball, resolution=32)
    voxel.data = voxel.data[:1]
    vertices = VoxelToMesh.execute(voxel, algorithm, 0.6).args[0].vertices[0] * pack_ball.box / 2   # core: box is -1..1
    radius = (vertices - pack_ball.centre).norm(dim=1)
    assert (radius - pack_ball.radius).abs().max() < 1.0 * pack_ball.box / 32  # core's surfaces are half a cell off


def test_heads_of_different_sizes_share_a_mesh(pack):
    heads = [ddgi.mesh.HeadMesh(torch.ones(n, 3), torch.full((m, 3), n - 1), torch.ones(n, 3))
             for n, m in ((5, 4), (7, 9))]
    mesh = pack.nodes.mesh.to_mesh(heads)
    assert mesh.vertices.shape == (2, 7, 3) and mesh.faces.shape == (2, 9, 3)
    assert mesh.vertex_counts.tolist() == [5, 7] and mesh.face_counts.tolist() == [4, 9]


def test_foreign_latent_is_refused(pack, pack_ball):
    pack_ball.latent = dataclasses.replace(pack_ball.latent, generator_fingerprint="0123456789abcdef",
                                           generator_name="other")
    with pytest.raises(ddgi.InputError, match="'other'.*'tiny3d'"):
        mesh_of(pack, pack_ball)
    assert mesh_of(pack, pack_ball, allow_relative=True).vertices.shape[0] == 2


def test_cancel_stops_between_chunks(pack, pack_ball):
    import comfy.model_management

    comfy.model_management.interrupt_current_processing()
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        voxel_of(pack, pack_ball)
