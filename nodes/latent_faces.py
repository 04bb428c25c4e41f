"""Nodes that make faces without a diffusion model, and faces out of faces."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from comfy.model_management import intermediate_device
from comfy_api.latest import io

from ..host.managed import ManagedModel
from ..host.sockets import LATENT, LAYERS_TOOLTIP, Generator, Latent

if TYPE_CHECKING:
    from ..ddgi.gan import GanLatent

MOST_FACES = 4096
PATHS = ("straight", "round", "smooth")     # those of ddgi.latents.walk


def _truncation_inputs(default: float) -> list[io.Input]:
    return [
        io.Float.Input("truncation", default=default, min=0.0, max=1.5, step=0.05,
                       tooltip="1 keeps all variety; less pulls faces towards the average face, which is safer and "
                               "less distinct; 0 is the average face."),
        io.Int.Input("truncated_layers", default=0, min=0, max=64, advanced=True,
                     tooltip="How many layers are truncated, counted from the coarsest; 0 is all of them."),
    ]


class RandomFace(io.ComfyNode):
    """Seeds through the mapping network."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIRandomFace",
            display_name="DDGI Random Face",
            category=LATENT,
            description="Draws faces from a generator alone, in no time: it needs no diffusion model and no prompt. "
                        "The same seed always gives the same face.",
            search_aliases=["sample", "seed", "stylegan", "portrait", "avatar", "character", "w+"],
            inputs=[
                Generator.Input("generator", tooltip="The generator to draw from."),
                io.Int.Input("seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF, control_after_generate=True,
                             tooltip="The number of the first face; each further face has the next number."),
                io.Int.Input("count", default=1, min=1, max=MOST_FACES, tooltip="How many faces to draw."),
                *_truncation_inputs(0.7),
            ],
            outputs=[Latent.Output(display_name="latent", tooltip="The faces, for DDGI Render Face.")],
        )

    @classmethod
    def execute(cls, generator: ManagedModel, seed: int, count: int, truncation: float,
                truncated_layers: int) -> io.NodeOutput:
        from ..ddgi.latents import random_faces

        seeds = [(seed + index) % 2**64 for index in range(count)]
        latent = random_faces(generator.load(), seeds, truncation, truncated_layers or None)
        return io.NodeOutput(dataclasses.replace(latent, ws=latent.ws.to(intermediate_device())))


class TruncateFaces(io.ComfyNode):
    """Towards the mean face."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGITruncateFaces",
            display_name="DDGI Truncate Faces",
            category=LATENT,
            description="Pulls faces towards the generator's average face, which calms extreme ones, or away from it.",
            search_aliases=["psi", "truncation", "average face", "calm"],
            inputs=[
                Latent.Input("latent", tooltip="The faces to change."),
                Generator.Input("generator", tooltip="The generator whose average face is meant."),
                *_truncation_inputs(0.7),
            ],
            outputs=[Latent.Output(display_name="latent", tooltip="The changed faces.")],
        )

    @classmethod
    def execute(cls, latent: GanLatent, generator: ManagedModel, truncation: float,
                truncated_layers: int) -> io.NodeOutput:
        latent.check(generator.value)
        ws = generator.value.truncate(latent.ws, truncation, truncated_layers or None)
        return io.NodeOutput(dataclasses.replace(latent, ws=ws))


class MixFaces(io.ComfyNode):
    """Layers of one face in another."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIMixFaces",
            display_name="DDGI Mix Faces",
            category=LATENT,
            description="Gives the first faces some layers of the second: the shape of one with the colours of the "
                        "other, or anything in between.",
            search_aliases=["style mixing", "blend faces", "morph", "crossover", "combine"],
            inputs=[
                Latent.Input("first", tooltip="The faces that are changed."),
                Latent.Input("second", tooltip="The faces that the layers come from: one for all, or as many as there "
                                               "are first faces."),
                io.String.Input("layers", default="fine", tooltip=LAYERS_TOOLTIP),
                io.Float.Input("amount", default=1.0, min=-1.0, max=2.0, step=0.05,
                               display_mode=io.NumberDisplay.slider,
                               tooltip="0 is the first face, 1 takes the layers of the second whole; values beyond "
                                       "exaggerate."),
            ],
            outputs=[Latent.Output(display_name="latent", tooltip="The mixed faces.")],
        )

    @classmethod
    def execute(cls, first: GanLatent, second: GanLatent, layers: str, amount: float) -> io.NodeOutput:
        from ..ddgi.latents import mix, parse_layers

        return io.NodeOutput(mix(first, second, parse_layers(layers, first.ws.shape[1]), amount))


class FaceWalk(io.ComfyNode):
    """A film from face to face."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIFaceWalk",
            display_name="DDGI Face Walk (Interpolate)",
            category=LATENT,
            description="Makes the faces in between: a film that goes from face to face. Render it and give the "
                        "pictures to a video node.",
            search_aliases=["interpolate", "morph", "slerp", "lerp", "latent walk", "animation", "video", "frames"],
            inputs=[
                Latent.Input("latent", tooltip="The faces to visit, two or more, in order."),
                io.Int.Input("frames", default=24, min=1, max=10_000,
                             tooltip="How many pictures from one face to the next; each face is one of them."),
                io.Combo.Input("path", options=list(PATHS), default="smooth",
                               tooltip="The way between the faces. straight: the shortest. round: keeps them as "
                                       "distinct as they are, on an arc around the average face. smooth: a curve "
                                       "through all of them without a jerk."),
                io.Boolean.Input("loop", default=False, tooltip="Goes on from the last face to the first, so that the "
                                                                "film repeats without a seam."),
                io.Boolean.Input("slow_at_faces", default=False, tooltip="Lingers at each face."),
                Generator.Input("generator", optional=True, tooltip="The generator, which knows the average face that "
                                                                    "the round path goes around."),
            ],
            outputs=[Latent.Output(display_name="latent", tooltip="One face for each picture of the film.")],
        )

    @classmethod
    def execute(cls, latent: GanLatent, frames: int, path: str, loop: bool, slow_at_faces: bool,
                generator: ManagedModel | None = None) -> io.NodeOutput:
        from ..ddgi.latents import walk

        centre = None
        if generator is not None:
            latent.check(generator.value)
            centre = generator.value.w_avg
        return io.NodeOutput(walk(latent, frames, path, loop=loop, eased=slow_at_faces, centre=centre))


class CombineFaces(io.ComfyNode):
    """Several latents as one batch or as one face."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        faces = io.Autogrow.TemplatePrefix(Latent.Input("faces", tooltip="Faces of the same generator or a relative."),
                                           prefix="faces_", min=1, max=50)
        return io.Schema(
            node_id="DDGICombineFaces",
            display_name="DDGI Combine Faces",
            category=LATENT,
            description="Puts faces together: all of them as one batch, for a walk or a sheet, or their average as one "
                        "face.",
            search_aliases=["stack", "batch", "average", "mean face", "merge", "family"],
            inputs=[
                io.Autogrow.Input("faces", template=faces,
                                  tooltip="The faces to combine; a new socket grows as you connect."),
                io.Combo.Input("how", options=["batch", "average"], default="batch",
                               tooltip="What comes out. batch: all faces, in order. average: one face in the middle of "
                                       "all."),
            ],
            outputs=[Latent.Output(display_name="latent", tooltip="The batch, or the one face.")],
        )

    @classmethod
    def execute(cls, faces: dict[str, GanLatent], how: str) -> io.NodeOutput:
        from ..ddgi.latents import average, stack

        batch = stack([latent for latent in faces.values() if latent is not None])
        return io.NodeOutput(average(batch) if how == "average" else batch)


class PickFaces(io.ComfyNode):
    """Some faces of a batch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIPickFaces",
            display_name="DDGI Pick Faces",
            category=LATENT,
            description="Takes some faces out of a batch, by their numbers or those most like another face.",
            search_aliases=["choose", "select", "index", "nearest", "similar", "lookalike"],
            inputs=[
                Latent.Input("latent", tooltip="The batch to choose from."),
                io.String.Input("numbers", default="0", tooltip="The numbers of the faces, counted from 0, such as 0, "
                                                                "2-4, -1; -1 is the last."),
                Latent.Input("like", optional=True, tooltip="A face to compare with: the faces nearest to it are taken "
                                                            "in the place of those with the numbers."),
                io.Int.Input("how_many", default=1, min=1, max=MOST_FACES, optional=True, advanced=True,
                             tooltip="How many faces are taken when a face to compare with is connected, the most "
                                     "alike first."),
            ],
            outputs=[Latent.Output(display_name="latent", tooltip="The chosen faces.")],
        )

    @classmethod
    def execute(cls, latent: GanLatent, numbers: str, like: GanLatent | None = None,
                how_many: int = 1) -> io.NodeOutput:
        from ..ddgi.latents import nearest, parse_numbers, pick

        if like is not None:
            return io.NodeOutput(pick(latent, nearest(latent, like, how_many)))
        return io.NodeOutput(pick(latent, parse_numbers(numbers, len(latent.ws))))


NODES = [RandomFace, TruncateFaces, MixFaces, FaceWalk, CombineFaces, PickFaces]
