"""Nodes that find directions in words, weights and faces, and keep them in files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy.model_management import throw_exception_if_processing_interrupted
from comfy.utils import ProgressBar
from comfy_api.latest import io

from ..host import directions as files
from ..host.managed import ManagedModel
from ..host.sockets import LATENT, LAYERS_TOOLTIP, Bridge, Direction, Generator, Latent

if TYPE_CHECKING:
    from ..ddgi import latents
    from ..ddgi.gan import GanLatent

SEFA, PCA, CHANNEL = "from the weights (SeFa)", "from samples (PCA)", "one style channel"


class WordDirection(io.ComfyNode):
    """Two prompts to a direction, through the bridge."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIWordDirection",
            display_name="DDGI Word Direction",
            category=LATENT,
            description="Makes a slider out of words: it reads two prompts many times in single passes, and what "
                        "differs between the faces is the direction. Use it with DDGI Edit Face.",
            search_aliases=["slider", "edit", "prompt", "smile", "age", "glasses", "attribute", "concept"],
            inputs=[
                io.Model.Input("model", tooltip="The diffusion model that the bridge reads."),
                io.Clip.Input("clip", tooltip="The text encoder of the diffusion model."),
                Bridge.Input("bridge", tooltip="The bridge to the generator whose faces you want to edit."),
                io.String.Input("words",
                                default="{a woman|a man} with {short|long} {black|brown|blond} hair and glasses",
                                tooltip="A prompt with what the slider shall bring. Choices in braces fall anew for "
                                        "every face, alike in both prompts: the more people differ, the less the "
                                        "slider changes beside the words."),
                io.String.Input("without", default="{a woman|a man} with {short|long} {black|brown|blond} hair",
                                tooltip="The same prompt without it, or with its opposite, such as young for old."),
                io.Int.Input("faces", default=32, min=2, max=1024,
                             tooltip="How many faces each prompt is read for; more give a cleaner direction."),
                io.Int.Input("seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF, control_after_generate=False,
                             tooltip="Where the noise of those faces comes from; both prompts get the same."),
                io.Float.Input("clean", default=0.0, min=0.0, max=100.0, step=0.1, advanced=True,
                               tooltip="How much of what varies from face to face anyway is taken out of the "
                                       "direction; 0 takes the plain difference of the two prompts. Try 1 where "
                                       "the prompts have no choices."),
                io.Int.Input("batch", default=8, min=1, max=256, advanced=True,
                             tooltip="How many faces are read at once; fewer need less memory."),
                io.Int.Input("size", default=0, min=0, max=4096, step=8, advanced=True,
                             tooltip="The side of the pictures that the diffusion model thinks of; 0 is 512, or the "
                                     "demo model's own."),
                io.String.Input("name", default="", optional=True,
                                tooltip="What the slider is called; empty takes the words."),
            ],
            outputs=[Direction.Output(display_name="direction", tooltip="The slider, for DDGI Edit Face; at "
                                                                              "strength 1 it goes about from the one "
                                                                              "prompt to the other.")],
        )

    @classmethod
    def execute(cls, model, clip, bridge: ManagedModel, words: str, without: str, faces: int, seed: int, clean: float,
                batch: int, size: int, name: str = "") -> io.NodeOutput:
        from ..ddgi.latents import word_direction
        from ..host.word_faces import word_faces

        bar = ProgressBar(2 * faces)

        def read(text: str, before: int) -> GanLatent:
            def progress(done: int) -> None:
                throw_exception_if_processing_interrupted()
                bar.update_absolute(before + done, 2 * faces)
            return word_faces(model, clip, bridge, text, faces, seed, batch=batch, size=size, progress=progress)

        asked, plain = read(words, 0), read(without, faces)
        record = {"words": words, "without": without, "seed": seed}
        name = (name.strip() or words.strip())[:60]
        return io.NodeOutput(word_direction(asked, plain, name, clean=clean, record=record))


class FindDirections(io.ComfyNode):
    """SeFa, PCA and single style channels."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        count = io.Int.Input("count", default=6, min=1, max=64, tooltip="How many directions to give.")
        first = io.Int.Input("first", default=0, min=0, max=8191,
                             tooltip="The number of the first one; the strongest is 0.")
        layers = io.String.Input("layers", default="all", tooltip=LAYERS_TOOLTIP)
        layer = io.Int.Input("layer", default=6, min=0, max=255,
                             tooltip="The number of the style layer as papers count them, picture layers included.")
        channel = io.Int.Input("channel", default=0, min=0, max=8191, tooltip="The number of the channel in its layer.")
        return io.Schema(
            node_id="DDGIFindDirections",
            display_name="DDGI Find Directions (SeFa/PCA)",
            category=LATENT,
            description="Finds ways to change faces that nobody has named, from a generator alone. Look at them with "
                        "DDGI Direction Sheet, and take one with count 1 and its number.",
            search_aliases=["sefa", "ganspace", "pca", "stylespace", "discover", "slider", "edit"],
            inputs=[
                Generator.Input("generator", tooltip="The generator whose faces shall change."),
                io.DynamicCombo.Input("method", options=[
                    io.DynamicCombo.Option(SEFA, [count, first, layers]),
                    io.DynamicCombo.Option(PCA, [count, first, layers]),
                    io.DynamicCombo.Option(CHANNEL, [layer, channel])],
                    tooltip="How to find them. From the weights: what changes the layers' styles most. From samples: "
                            "how its faces differ most. One style channel: a channel that you know the number of."),
            ],
            outputs=[Direction.Output(display_name="directions", is_output_list=True,
                                            tooltip="A list of directions; strength 1 is one standard deviation.")],
        )

    @classmethod
    def execute(cls, generator: ManagedModel, method: dict) -> io.NodeOutput:
        from ..ddgi.latents import channel_direction, parse_layers, pca_directions, sefa_directions

        network = generator.load()
        if method["method"] == CHANNEL:
            return io.NodeOutput([channel_direction(network, method["layer"], method["channel"])])
        layers = parse_layers(method["layers"], network.config.num_ws)
        layers = None if len(layers) == network.config.num_ws else layers
        find = sefa_directions if method["method"] == SEFA else pca_directions
        return io.NodeOutput(find(network, method["count"], method["first"], layers))


class ExampleDirection(io.ComfyNode):
    """Two piles of faces to a direction."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIExampleDirection",
            display_name="DDGI Direction from Examples",
            category=LATENT,
            description="Learns a slider from two piles of faces: those that have something, and those that have not.",
            search_aliases=["interfacegan", "labels", "boundary", "slider", "svm", "edit"],
            inputs=[
                Latent.Input("with_it", tooltip="Faces that have it; ten or more."),
                Latent.Input("without_it", tooltip="Faces of the same generator that do not have it; ten or more."),
                io.String.Input("name", default="my direction", tooltip="The name of the direction, for sheets and "
                                                                        "messages."),
            ],
            outputs=[Direction.Output(display_name="direction", tooltip="The slider, for DDGI Edit Face; at "
                                                                              "strength 1 it goes from the one pile to "
                                                                              "the other.")],
        )

    @classmethod
    def execute(cls, with_it: GanLatent, without_it: GanLatent, name: str) -> io.NodeOutput:
        from ..ddgi.latents import fit_direction, stack

        labels = [1.0] * len(with_it.ws) + [0.0] * len(without_it.ws)
        return io.NodeOutput(fit_direction(stack([with_it, without_it]), labels, name))


class SaveDirection(io.ComfyNode):
    """Directions to a file in models/ddgi/directions."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGISaveDirection",
            display_name="DDGI Save Direction",
            category=LATENT,
            description="Keeps a direction, or several as a set, in models/ddgi/directions for DDGI Load Direction.",
            search_aliases=["keep slider", "export", "boundary"],
            is_output_node=True,
            is_input_list=True,
            inputs=[
                Direction.Input("directions", tooltip="The direction or directions to keep."),
                io.String.Input("name", default="my_direction", tooltip="The name of the file."),
                io.Boolean.Input("replace", default=False, tooltip="Overwrites a file of this name."),
            ],
            outputs=[Direction.Output(display_name="directions", is_output_list=True,
                                            tooltip="The same directions, to go on with.")],
        )

    @classmethod
    def execute(cls, directions: list[latents.Direction], name: list[str], replace: list[bool]) -> io.NodeOutput:
        files.save(name[0], directions, replace=replace[0])
        return io.NodeOutput(directions)


class LoadDirection(io.ComfyNode):
    """A direction of a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGILoadDirection",
            display_name="DDGI Load Direction",
            category=LATENT,
            description="Loads a direction from models/ddgi/directions: saved by this pack, or .npy, .npz and .pt of "
                        "InterfaceGAN, GANSpace, StyleSpace and others. Nothing inside the file is executed.",
            search_aliases=["slider", "boundary", "interfacegan", "ganspace", "stylespace", "edit"],
            inputs=[
                io.Combo.Input("direction_name", options=files.names(),
                               tooltip="A direction in models/ddgi/directions. Press R to refresh the list."),
                Generator.Input("generator", optional=True,
                                tooltip="The generator the direction is for. Files of other programs do not say it, so "
                                        "they need this; directions of this pack are compared with it."),
            ],
            outputs=[Direction.Output(display_name="direction", tooltip="The direction, for DDGI Edit Face.")],
        )

    @classmethod
    def validate_inputs(cls, direction_name: str) -> bool | str:
        return files.check(direction_name)

    @classmethod
    def fingerprint_inputs(cls, direction_name: str, **others) -> float:
        return files.path_of(direction_name)[0].stat().st_mtime

    @classmethod
    def execute(cls, direction_name: str, generator: ManagedModel | None = None) -> io.NodeOutput:
        return io.NodeOutput(files.load(direction_name, None if generator is None else generator.value))


NODES = [WordDirection, FindDirections, ExampleDirection, SaveDirection, LoadDirection]
