"""Nodes that make generators of other styles: blends of relatives, and copies that learn a style."""

from __future__ import annotations

from comfy_api.latest import io

from ..ddgi.errors import InputError
from ..host.managed import ManagedModel
from ..host.sockets import MODELS, TRAINING, Generator, Latent

WORDS, PICTURES, FOLDER = "words", "pictures", "folder of pictures"


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


class StyliseGenerator(io.ComfyNode):
    """A copy of a generator that draws the same faces in a style."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIStyliseGenerator",
            display_name="DDGI Stylise Generator",
            category=TRAINING,
            description="Teaches a copy of a generator a style: named in words to the connected diffusion model, or "
                        "shown in pictures. The same latents give the same faces, drawn in the style. Cancel at any "
                        "time: what was learnt so far is kept in models/ddgi/generators.",
            search_aliases=["style transfer", "cartoon", "toonify", "stylegan-nada", "jojogan", "fine-tune", "domain"],
            is_output_node=True,
            inputs=[
                Generator.Input("generator", tooltip="The generator to begin with. It is not changed."),
                io.String.Input("name", default="stylised", tooltip="The name of the copy's file in "
                                                                    "models/ddgi/generators."),
                _style_input(),
                io.Int.Input("steps", default=400, min=1, max=100_000,
                             tooltip="How many steps the copy learns. 100 shows whether it works, 400 is usual."),
                io.Boolean.Input("replace", default=False, tooltip="Overwrites a generator file of this name."),
                io.Model.Input("model", optional=True, tooltip="The diffusion model that knows the style; only for "
                                                               "words."),
                io.Clip.Input("clip", optional=True, tooltip="The text encoder of the diffusion model; only for "
                                                             "words."),
                io.Vae.Input("vae", optional=True,
                             tooltip="The VAE of the diffusion model. With pictures it may be connected, too: they are "
                                     "then compared as it sees them, which is slower and finer."),
                io.ControlNet.Input("control_net", optional=True,
                                    tooltip="A scribble ControlNet; it gets the lines of each face, so that pose and "
                                            "parts stay where they are. Only for words."),
                io.Image.Input("pictures", optional=True, tooltip="One or more square pictures of the style, with "
                                                                  "aligned faces; only for pictures."),
                Generator.Input("start", optional=True, tooltip="A copy that was stylised before, to go on from."),
                io.Int.Input("batch", default=4, min=1, max=64, optional=True, advanced=True,
                             tooltip="How many faces a step learns from; fewer need less memory."),
                io.Float.Input("rate", default=0.002, min=0.00001, max=0.1, step=0.0005, round=False, optional=True,
                               advanced=True, tooltip="How fast the copy changes; too much breaks its faces."),
                io.Int.Input("seed", default=0, min=0, max=2**31 - 1, control_after_generate=False, optional=True,
                             advanced=True, tooltip="Decides the faces that are drawn and the noise."),
                Latent.Input("latent", optional=True,
                             tooltip="The faces that the pictures were made of, if you made them yourself: render "
                                     "random faces, redraw the pictures in any way, and connect both. As many as there "
                                     "are pictures, in their order; nothing is searched then."),
            ],
            outputs=[Generator.Output(display_name="generator",
                                      tooltip="The stylised copy, for DDGI Render Face and DDGI Blend Generators.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, generator: ManagedModel, name: str, style: dict, steps: int, replace: bool = False, model=None,
                clip=None, vae=None, control_net=None, pictures=None, start=None, batch: int = 4, rate: float = 0.002,
                seed: int = 0, latent=None) -> io.NodeOutput:
        from ..ddgi.style import StyliseConfig
        from ..host.stylise import stylise

        config = StyliseConfig(steps=steps, batch=batch, rate=rate, seed=seed)
        size = generator.value.config.img_resolution
        shown_style = _style(style, (model, clip, vae, control_net), pictures, latent, size)
        return io.NodeOutput(stylise(generator, shown_style, config, cls.hidden.unique_id, name=name, replace=replace,
                                     vae=vae, start=start))


def _style_input() -> io.DynamicCombo.Input:
    search = io.Int.Input("search_steps", default=100, min=1, max=10_000,
                          tooltip="How long the generator's face that is most like each picture is searched.")
    words = [
        io.String.Input("prompt", default="a cartoon of a person", multiline=True,
                        tooltip="The style in words, as the diffusion model knows it."),
        io.String.Input("negative", default="", tooltip="What the diffusion model is to avoid."),
        io.Float.Input("denoise", default=0.6, min=0.05, max=1.0, step=0.05,
                       tooltip="How far the diffusion model may go from the generator's pictures: little changes "
                               "colours only, much changes faces, too."),
        io.Int.Input("faces", default=64, min=1, max=4096,
                     tooltip="How many of the generator's faces the diffusion model draws. Each takes a sampling run; "
                             "more give a steadier style."),
        io.Int.Input("sampling_steps", default=20, min=1, max=1000, tooltip="The steps of a sampling run."),
        io.Float.Input("cfg", default=7.0, min=1.0, max=30.0, step=0.5,
                       tooltip="How closely the diffusion model follows the prompt; 2 for the demo model."),
        io.Float.Input("control_strength", default=1.0, min=0.0, max=2.0, step=0.05,
                       tooltip="How closely the diffusion model follows the lines of each face."),
        io.Int.Input("size", default=0, min=0, max=2048, step=8,
                     tooltip="The side of the diffusion model's pictures in pixels: 1024 for SDXL; 0 is 512, or the "
                             "demo model's own.")]
    folder = io.String.Input("folder", default="", tooltip="The path of a folder with pictures of the style, faces "
                                                           "aligned; the middle square of each is taken.")
    return io.DynamicCombo.Input("style", options=[
        io.DynamicCombo.Option(WORDS, words), io.DynamicCombo.Option(PICTURES, [search]),
        io.DynamicCombo.Option(FOLDER, [folder, search])],
        tooltip="Where the style comes from: words, which a diffusion model makes pictures of; the connected pictures; "
                "or a folder.")


def _style(style: dict, models: tuple, pictures, latent, size: int):
    """The library's Words or Pictures of what was chosen and connected."""
    from ..host.chain import Sampling
    from ..host.diffusion import Diffusion
    from ..host.stylise import Words, folder_pictures, given_pictures

    chosen = style["style"]
    if chosen == FOLDER:
        return folder_pictures(style["folder"], size, style["search_steps"], latent)
    if chosen == PICTURES:
        if pictures is None:
            raise InputError("The style is to come from pictures, but none is connected; connect them, or choose "
                             "words or a folder.")
        return given_pictures(pictures, style["search_steps"], latent)
    missing = [name for name, model in zip(("model", "clip", "vae"), models) if model is None]
    if missing:
        raise InputError(f"The style is to come from words, but {missing[0]} is not connected; connect the diffusion "
                         f"model with clip and vae, or choose pictures.")
    sampling = Sampling(steps=style["sampling_steps"], cfg=style["cfg"], negative=style["negative"],
                        strength=style["control_strength"])
    return Words(Diffusion(*models), style["prompt"], sampling, style["faces"], style["denoise"],
                 style["size"])


NODES = [BlendGenerators, StyliseGenerator]
