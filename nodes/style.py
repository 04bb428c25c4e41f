"""Nodes that make generators of other styles: blends of relatives, and copies that learn a style."""

from __future__ import annotations

from comfy_api.latest import io

from ..host.managed import ManagedModel
from .types import MODELS, Generator


class BlendGenerators(io.ComfyNode):
    """Layer swap and weighted blend of relatives."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIBlendGenerators",
            display_name="DDGI Blend Generators",
            category=MODELS,
            description="Mixes two generators of which one comes from the other, or both from a third: half a style, a "
                        "style in the textures only, or the shapes of one with the surface of another. All of their "
                        "faces can be rendered with it.",
            search_aliases=["layer swap", "merge", "style strength", "toonify", "interpolate", "model mixing"],
            inputs=[
                Generator.Input("generator", tooltip="The generator to begin with, for example the one without style."),
                Generator.Input("other", tooltip="A relative: a stylised, tuned or blended copy of it, or the one that "
                                                 "it is a copy of."),
                io.Float.Input("strength", default=1.0, min=0.0, max=2.0, step=0.05,
                               tooltip="How much of the other: 0 is the first generator, 1 the other at the chosen "
                                       "layers, 0.5 half way; more than 1 exaggerates it."),
                io.Int.Input("from_resolution", default=4, min=4, max=1024, step=4,
                             tooltip="The coarsest layers that take from the other, in pixels. With 32 the first "
                                     "generator decides pose and shapes, and the other textures and colours."),
                io.Int.Input("to_resolution", default=1024, min=4, max=1024, step=4,
                             tooltip="The finest layers that take from the other. With 16 the other decides shapes, "
                                     "and the first generator textures and colours."),
                io.String.Input("name", default="", optional=True,
                                tooltip="A name keeps the blend as a file in models/ddgi/generators; without one it "
                                        "is made anew at each run, in a moment."),
                io.Boolean.Input("replace", default=False, optional=True,
                                 tooltip="Overwrites a generator file of this name."),
            ],
            outputs=[Generator.Output(display_name="generator", tooltip="The blend, for DDGI Render Face. It takes the "
                                                                        "latents, directions and bridges of both.")],
        )

    @classmethod
    def execute(cls, generator: ManagedModel, other: ManagedModel, strength: float, from_resolution: int,
                to_resolution: int, name: str = "", replace: bool = False) -> io.NodeOutput:
        from ..ddgi.style import blend
        from ..host.generator_files import keep, new_file
        from ..host.managed import managed_copy

        file = new_file(name, replace=replace) if name else None
        blended = blend(generator.value, other.value, strength, from_resolution, to_resolution,
                        name=name or f"{generator.value.name} + {other.value.name}")
        return io.NodeOutput(managed_copy(blended) if file is None else keep(file, blended, generator))


NODES = [BlendGenerators]
