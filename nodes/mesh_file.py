"""MESH to a 3D file in memory: core's Preview 3D takes files only, and core has no node between the two."""

import tempfile
from io import BytesIO
from pathlib import Path

from comfy_api.latest import Types, io
from comfy_extras.nodes_save_3d import get_mesh_batch_item, save_glb
from PIL import Image

from ..ddgi.errors import InputError
from ..ddgi.pictures import image_to_bytes
from ..host.sockets import HEADS


class MeshFile(io.ComfyNode):
    """One mesh of a batch as the GLB that Save 3D Model would write."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIMeshFile",
            display_name="DDGI Mesh to 3D Model",
            category=HEADS,
            description="Makes a 3D model (GLB) of a mesh, for Preview 3D and other nodes that take models, without "
                        "saving it.",
            search_aliases=["glb", "preview 3d", "mesh to file"],
            inputs=[
                io.Mesh.Input("mesh", tooltip="The mesh from DDGI Head Mesh or any other mesh node."),
                io.Int.Input("index", default=0, min=0, max=4095, tooltip="Which of the meshes to take, counted from "
                                                                          "0."),
            ],
            outputs=[io.File3DGLB.Output(display_name="model_3d", tooltip="What to connect to Preview 3D.")],
        )

    @classmethod
    def execute(cls, mesh: Types.MESH, index: int) -> io.NodeOutput:
        if index >= len(mesh.vertices):
            raise InputError(f"index is {index}, but there are {len(mesh.vertices)} meshes, counted from 0; choose a "
                             f"lower index.")
        vertices, faces, colours, uvs = get_mesh_batch_item(mesh, index)
        if not len(faces):
            raise InputError(f"Mesh {index} is empty; lower the threshold where it is made.")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "mesh.glb"
            save_glb(vertices, faces, str(path), uvs=uvs, vertex_colors=colours,
                     texture_image=_texture(mesh, index), unlit=getattr(mesh, "unlit", False))
            return io.NodeOutput(Types.File3D(BytesIO(path.read_bytes()), "glb"))


def _texture(mesh: Types.MESH, index: int):
    """PIL picture of the mesh's texture [B, H, W, 3] in 0..1, or None."""
    if getattr(mesh, "texture", None) is None:
        return None
    return Image.fromarray(image_to_bytes(mesh.texture[index]).cpu().numpy())


NODES = [MeshFile]
