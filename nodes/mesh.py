"""Nodes that turn 3D heads into core's VOXEL and MESH."""

from typing import TYPE_CHECKING

import torch
from comfy.model_management import throw_exception_if_processing_interrupted
from comfy.utils import ProgressBar
from comfy_api.latest import Types, io
from torch.nn.utils.rnn import pad_sequence

from ..host.managed import ManagedModel
from ..host.sockets import HEADS, Generator, Latent

if TYPE_CHECKING:
    from ..ddgi.mesh import HeadMesh

_LATENT_TIP = "The faces, from DDGI Face Latent or DDGI Load Latent."
_THRESHOLD_TIP = ("How dense the head must be to count as solid; 10 is usual. A higher value eats thin hair and soft "
                  "edges away, a lower one keeps haze and floating bits.")


def _volume_inputs() -> list[io.Input]:
    return [
        Generator.Input("generator", tooltip="The 3D generator that the latent was made for."),
        Latent.Input("latent", tooltip=_LATENT_TIP),
        io.Int.Input("resolution", default=128, min=16, max=1024, step=16,
                     tooltip="Cells along each side of the box around the head. Twice as many take eight times as "
                             "long: use 64 to try and 128 to 256 to keep."),
        io.Float.Input("threshold", default=10.0, min=0.01, max=1000.0, step=0.5, tooltip=_THRESHOLD_TIP),
        io.Float.Input("truncation", default=1.0, min=0.0, max=1.5, step=0.05,
                       tooltip="1 keeps the face; less pulls it towards the average face. Use the value you render "
                               "with."),
        io.Float.Input("crop_back", default=0.0, min=0.0, max=0.9, step=0.01,
                       tooltip="Share of the box to cut off behind the head, where generators keep a background wall."),
        io.Float.Input("crop_bottom", default=0.0, min=0.0, max=0.9, step=0.01,
                       tooltip="Share of the box to cut off below the head, for example the shoulders."),
        io.Int.Input("memory_mib", default=512, min=16, max=65536, advanced=True,
                     tooltip="Memory in MiB that reading the density may take. Less is only slower on a graphics card; "
                             "a CPU never takes more than it has use for."),
        io.Boolean.Input("allow_relative", default=False, advanced=True,
                         tooltip="Accepts a latent of another generator of the same size, for example when this one is "
                                 "a fine-tuned or blended copy of it."),
    ]


def _prepare(generator: ManagedModel, latent, truncation: float, allow_relative: bool, settings: dict) -> tuple:
    """(Network on its device, ws on it, settings with a progress that drives the bar and allows cancelling)."""
    latent.check(generator.value, relative=allow_relative)
    generator.value.need_3d("has no volume")
    network = generator.load(memory_required=generator.value.memory_estimate(memory_mib=settings["memory_mib"]))
    bar = ProgressBar(1)

    def progress(done: int, total: int) -> None:
        throw_exception_if_processing_interrupted()
        bar.update_absolute(done, total)

    return network, network.truncate(latent.ws.to(network.w_avg), truncation), {**settings, "progress": progress}


class DensityToVoxel(io.ComfyNode):
    """The density of 3D heads as VOXEL."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIVoxel",
            display_name="DDGI Density to Voxel",
            category=HEADS,
            description="Reads the volume of each 3D head for core's Voxel to Mesh, whose default threshold of 0.6 "
                        "then means the threshold given here. For a coloured mesh use DDGI Head Mesh.",
            search_aliases=["voxel", "volume", "density", "eg3d"],
            inputs=_volume_inputs(),
            outputs=[io.Voxel.Output(display_name="voxel", tooltip="Densities squeezed to 0 to 1, with 0.6 where they "
                                                                   "equal the threshold.")],
        )

    @classmethod
    def execute(cls, generator: ManagedModel, latent, truncation: float, allow_relative: bool,
                **settings) -> io.NodeOutput:
        from ..ddgi.mesh import head_voxels

        network, ws, settings = _prepare(generator, latent, truncation, allow_relative, settings)
        return io.NodeOutput(Types.VOXEL(head_voxels(network, ws, **settings)))


class HeadMeshNode(io.ComfyNode):
    """3D heads as MESH with vertex colours."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIMesh",
            display_name="DDGI Head Mesh",
            category=HEADS,
            description="Makes a coloured triangle mesh of each 3D head, for Save 3D Model (SaveGLB) and Preview 3D.",
            search_aliases=["glb", "3d model", "marching cubes", "eg3d", "avatar", "character"],
            inputs=[
                *_volume_inputs(),
                io.Boolean.Input("only_largest", default=True,
                                 tooltip="Leaves floating bits and inner walls out."),
            ],
            outputs=[io.Mesh.Output(display_name="mesh", tooltip="One mesh for each face; y is up and the face looks "
                                                                 "along +z.")],
        )

    @classmethod
    def execute(cls, generator: ManagedModel, latent, truncation: float, allow_relative: bool,
                **settings) -> io.NodeOutput:
        from ..ddgi.mesh import head_meshes

        network, ws, settings = _prepare(generator, latent, truncation, allow_relative, settings)
        return io.NodeOutput(to_mesh(head_meshes(network, ws, **settings)))


def to_mesh(heads: "list[HeadMesh]") -> Types.MESH:
    """Meshes of different sizes to one MESH, padded with zeros, with their true sizes beside it.

    It is unlit: the colours come from pictures and hold the light already, and core writes no normals, without
    which a lit mesh would show its triangles. glTF wants vertex colours in linear light.
    """
    from ..ddgi.mesh import linear_light

    def counts(tensors: list[torch.Tensor]) -> torch.Tensor:
        return torch.tensor([len(tensor) for tensor in tensors])

    vertices, faces = [head.vertices for head in heads], [head.faces for head in heads]
    colours = [linear_light(head.colours) for head in heads]
    return Types.MESH(pad_sequence(vertices, batch_first=True), pad_sequence(faces, batch_first=True),
                      vertex_colors=pad_sequence(colours, batch_first=True),
                      vertex_counts=counts(vertices), face_counts=counts(faces), unlit=True)


NODES = [DensityToVoxel, HeadMeshNode]
