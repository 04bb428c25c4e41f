"""Nodes that load generators and bridges from ComfyUI's model folders."""

from comfy_api.latest import io

from ..ddgi.gan import labels
from ..host import folders
from ..host.family_options import option_inputs
from ..host.managed import managed_bridge, managed_generator
from ..host.sockets import MODELS, Bridge, Generator


class LoadGenerator(io.ComfyNode):
    """A generator file of any supported family and kind."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGILoadGenerator",
            display_name="DDGI Load Generator",
            category=MODELS,
            description=f"Loads a face generator, {labels()}, from models/ddgi/generators: .safetensors of this pack, "
                        f"NVIDIA .pkl or rosinality .pt. Nothing inside the file is executed.",
            search_aliases=["stylegan", "eg3d", "gan", "ffhq", "face model"],
            inputs=[io.Combo.Input("generator_name", options=folders.file_names(folders.GENERATORS),
                                   tooltip="A file in models/ddgi/generators. Names that start with demo/ come with "
                                           "this pack."),
                    *option_inputs("read_options")],
            outputs=[Generator.Output(display_name="generator", tooltip="The generator, for DDGI Render Face.")],
        )

    @classmethod
    def validate_inputs(cls, generator_name: str) -> bool | str:
        return folders.check_file(folders.GENERATORS, generator_name)

    @classmethod
    def fingerprint_inputs(cls, generator_name: str, **options) -> float:
        return folders.file_path(folders.GENERATORS, generator_name).stat().st_mtime

    @classmethod
    def execute(cls, generator_name: str, **options) -> io.NodeOutput:
        return io.NodeOutput(managed_generator(folders.file_path(folders.GENERATORS, generator_name), **options))


class LoadBridge(io.ComfyNode):
    """M and T, trained for one U-Net family and one generator."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGILoadBridge",
            display_name="DDGI Load Bridge",
            category=MODELS,
            description="Loads a bridge (the mapping network and AbSMNet) from models/ddgi/bridges. A bridge belongs "
                        "to one kind of diffusion model and to one generator.",
            search_aliases=["mapping network", "AbSMNet", "w+"],
            inputs=[io.Combo.Input("bridge_name", options=folders.file_names(folders.BRIDGES),
                                   tooltip="A file in models/ddgi/bridges. Names that start with demo/ come with this "
                                           "pack.")],
            outputs=[Bridge.Output(display_name="bridge", tooltip="The bridge, for DDGI Face Latent.")],
        )

    @classmethod
    def validate_inputs(cls, bridge_name: str) -> bool | str:
        return folders.check_file(folders.BRIDGES, bridge_name)

    @classmethod
    def fingerprint_inputs(cls, bridge_name: str) -> float:
        return folders.file_path(folders.BRIDGES, bridge_name).stat().st_mtime

    @classmethod
    def execute(cls, bridge_name: str) -> io.NodeOutput:
        return io.NodeOutput(managed_bridge(folders.file_path(folders.BRIDGES, bridge_name)))


NODES = [LoadGenerator, LoadBridge]
