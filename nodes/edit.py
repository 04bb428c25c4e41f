"""Nodes that move faces along directions, and show what directions do."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch
from comfy.model_management import intermediate_device, throw_exception_if_processing_interrupted
from comfy.utils import ProgressBar
from comfy_api.latest import io

from ..ddgi.pictures import image_from_bytes
from ..host.managed import ManagedModel
from ..host.sockets import LATENT, LAYERS_TOOLTIP, Direction, Generator, Latent

if TYPE_CHECKING:
    from ..ddgi.gan import GanLatent

SLOTS = 4


class EditFace(io.ComfyNode):
    """Several directions at once."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        slots = []
        for slot in range(1, SLOTS + 1):
            slots += [
                Direction.Input(f"direction_{slot}", optional=True,
                                      tooltip="A direction to move the faces along."),
                io.Float.Input(f"strength_{slot}", default=0.0, min=-5.0, max=5.0, step=0.05, optional=True,
                               display_mode=io.NumberDisplay.slider,
                               tooltip="How far; 0 changes nothing, 1 is a natural step, and a negative number goes "
                                       "the other way."),
                io.String.Input(f"layers_{slot}", default="all", optional=True, advanced=True, tooltip=LAYERS_TOOLTIP),
            ]
        return io.Schema(
            node_id="DDGIEditFace",
            display_name="DDGI Edit Face",
            category=LATENT,
            description="Moves faces along up to four directions at once: more smile, less beard, older. With all "
                        "strengths at 0 the faces stay exactly as they are. With a generator connected the face "
                        "follows the sliders on the node.",
            search_aliases=["slider", "smile", "age", "glasses", "attribute", "character", "expression",
                            "interfacegan"],
            inputs=[
                Latent.Input("latent", tooltip="The faces to change."),
                *slots,
                io.Boolean.Input("keep_unmoved", default=False, optional=True, advanced=True,
                                 tooltip="Connected directions with strength 0 are kept as they are: what would change "
                                         "along them is taken out of the others."),
                Generator.Input("generator", optional=True,
                                tooltip="The generator of the faces. Connect it to see the first face here, after a "
                                        "run, while you drag the sliders."),
            ],
            outputs=[Latent.Output(display_name="latent", tooltip="The changed faces, for DDGI Render Face.")],
            is_output_node=True,        # so that a run wakes the sliders of a page that was loaded anew
        )

    @classmethod
    def execute(cls, latent: GanLatent, keep_unmoved: bool = False, generator: ManagedModel | None = None,
                **slots) -> io.NodeOutput:
        from ..ddgi.latents import Move, edit, parse_layers, unmoved

        moves = {f"strength_{slot}": Move(slots[f"direction_{slot}"], slots.get(f"strength_{slot}", 0.0),
                                          parse_layers(slots.get(f"layers_{slot}", "all"), latent.ws.shape[1]))
                 for slot in range(1, SLOTS + 1) if slots.get(f"direction_{slot}") is not None}
        edited = edit(latent, list(moves.values()), unmoved(moves.values()) if keep_unmoved else [])
        if generator is None:
            return io.NodeOutput(edited)
        from ..host.live.sessions import SESSIONS
        from ..host.live.shaping import SliderFace

        session = SliderFace(generator, latent, list(moves.values()), keep_unmoved)
        sliders = [[widget, move.direction.name] for widget, move in moves.items()]
        return io.NodeOutput(edited, ui={"ddgi_live": [SESSIONS.open(session)], "ddgi_sliders": sliders})


class DirectionSheet(io.ComfyNode):
    """What directions do, as one picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIDirectionSheet",
            display_name="DDGI Direction Sheet",
            category=LATENT,
            description="Shows what directions do: a row for each direction and face, a column for each strength, with "
                        "their names.",
            search_aliases=["grid", "contact sheet", "compare", "xy plot", "slider", "preview"],
            is_input_list=True,
            inputs=[
                Generator.Input("generator", tooltip="The generator that draws the faces."),
                Latent.Input("latent", tooltip="The faces to show the directions on; one is often enough."),
                Direction.Input("directions", tooltip="One direction, or all that DDGI Find Directions gives."),
                io.Float.Input("strength_from", default=-2.0, min=-20.0, max=20.0, step=0.1,
                               tooltip="The strength of the first column."),
                io.Float.Input("strength_to", default=2.0, min=-20.0, max=20.0, step=0.1,
                               tooltip="The strength of the last column."),
                io.Int.Input("columns", default=5, min=2, max=33, tooltip="How many strengths to show."),
                io.String.Input("layers", default="all", advanced=True, optional=True, tooltip=LAYERS_TOOLTIP),
                io.Int.Input("picture_size", default=128, min=16, max=1024, step=8, advanced=True, optional=True,
                             tooltip="The side of each picture on the sheet."),
            ],
            outputs=[io.Image.Output(display_name="sheet", tooltip="The sheet as one picture.")],
        )

    @classmethod
    def execute(cls, generator, latent, directions, strength_from, strength_to, columns, layers=("all",),
                picture_size=(128,)) -> io.NodeOutput:
        from ..ddgi.latents import direction_sheet, parse_layers, stack

        faces, network = stack(latent), generator[0].load(memory_required=generator[0].value.memory_estimate())
        faces.check(network)
        faces = dataclasses.replace(faces, ws=faces.ws.to(network.w_avg))
        strengths = torch.linspace(strength_from[0], strength_to[0], columns[0]).tolist()
        total = len(directions) * len(faces.ws) * columns[0]
        bar = ProgressBar(total)

        def progress(done: int) -> None:
            throw_exception_if_processing_interrupted()
            bar.update_absolute(done, total)

        sheet = direction_sheet(network, faces, directions, strengths, parse_layers(layers[0], faces.ws.shape[1]),
                                picture_size[0], progress=progress)
        return io.NodeOutput(image_from_bytes(sheet)[None].to(intermediate_device()))


NODES = [EditFace, DirectionSheet]
