"""The node that trains a bridge for the loaded models."""

from comfy_api.latest import io

from ..ddgi.errors import InputError
from ..host.managed import ManagedModel, managed_bridge
from ..host.sockets import TRAINING, Bridge, Generator

# What the drop-down says to the trainer's sources of data, and the node's words to their fields.
SOURCES = {"generator's own samples": "generator", "folder of pictures": "folder",
           "CelebAMask-HQ folder": "celebamask-hq", "head world (demo)": "head-world"}
_FIELDS = {"samples": "count", "words": "grammar", "folder": "root", "prompt": "prompt"}
# Choices of the trainer, which is loaded only when it trains; a test holds them and the defaults below to its own.
_ATTENTION, _REFINEMENTS = ("output", "probabilities"), ("local", "global", "both")
_GRAMMARS = ("faces", "head-world")
_DENOISING_STEPS = ("uniform", "low", "late", "ends", "high", "logit_normal", "last")
_PRECISIONS = ("fp32", "bf16", "fp16")
_CACHES = ("none", "disk")


class TrainBridge(io.ComfyNode):
    """M and T for a person's own diffusion model and generator."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGITrainBridge",
            display_name="DDGI Train Bridge",
            category=TRAINING,
            description="Trains a bridge (the mapping network M and AbSMNet, T) for the connected diffusion model and "
                        "generator, which are not changed. Cancel at any time: run again with the same settings to go "
                        "on. The bridge is saved in models/ddgi/bridges.",
            search_aliases=["training", "fit", "mapping network", "AbSMNet", "style"],
            is_output_node=True,
            inputs=[*_model_inputs(), _data_input(), *_plain_inputs(), *_advanced_inputs()],
            outputs=[Bridge.Output(display_name="bridge", tooltip="What the model saw, for DDGI Face Latent."),
                     io.Image.Output(display_name="preview", tooltip="Pictures that were not trained on: above what "
                                                                     "they should become, below what they became."),
                     io.String.Output(display_name="report", tooltip="What was trained, on what, how long a step took, "
                                                                     "and the scores.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, model, clip, vae, generator: ManagedModel, name: str, data: dict | None = None, control_net=None,
                **settings) -> io.NodeOutput:
        from ..host.training.session import train

        file, preview, report = train(name, _source(data), settings, model, clip, vae, control_net, generator,
                                      cls.hidden.unique_id)
        return io.NodeOutput(managed_bridge(file), preview, report)


def _model_inputs() -> list[io.Input]:
    return [
        io.Model.Input("model", tooltip="The diffusion model: SD 1.x, SD 2.x or SDXL. It is not changed."),
        io.Clip.Input("clip", tooltip="The text encoder of the diffusion model."),
        io.Vae.Input("vae", tooltip="The VAE of the diffusion model."),
        Generator.Input("generator", tooltip="The generator that the bridge is for."),
        io.ControlNet.Input("control_net", optional=True,
                            tooltip="Reads the masks or scribbles; use the one that you will make pictures with. "
                                    "Without it, only the prompt is read."),
    ]


def _data_input() -> io.Input:
    samples = io.Int.Input("samples", default=10_000, min=2, max=10_000_000, tooltip="How many different faces are "
                                                                                     "drawn.")
    folder = io.String.Input("folder", default="", tooltip="The full path of the folder, or its name in ComfyUI's "
                                                           "input folder.")
    prompt = io.String.Input("prompt", default="a photo of a face",
                             tooltip="The prompt of pictures that have no caption file.")
    words = io.Combo.Input("words", options=list(_GRAMMARS), default=_GRAMMARS[0],
                           tooltip="What the prompts speak of. faces: photographs of people. head-world: the words "
                                   "that the demo models know.")
    own, pictures, celebamask, heads = SOURCES
    return io.DynamicCombo.Input("data", options=[
        io.DynamicCombo.Option(own, [samples, words]), io.DynamicCombo.Option(pictures, [folder, prompt]),
        io.DynamicCombo.Option(celebamask, [folder, prompt]), io.DynamicCombo.Option(heads, [samples])],
        tooltip="What to learn from. The generator's own samples need no data: it draws faces, their lines are the "
                "drawings, and prompts are made up. A folder holds pictures aligned like the generator's training "
                "pictures, with .txt captions, _mask.png and _scribble.png beside them where you have them.")


def _plain_inputs() -> list[io.Input]:
    return [
        io.String.Input("name", default="my_bridge",
                        tooltip="The name of the bridge file in models/ddgi/bridges, and of the folder in "
                                "output/ddgi_train. The same name and settings go on where a training stopped."),
        io.Int.Input("steps_m", default=20_000, min=1, max=10_000_000,
                     tooltip="How many steps the mapping network M is trained, which learns the shape of the face."),
        io.Int.Input("steps_t", default=20_000, min=1, max=10_000_000,
                     tooltip="How many steps AbSMNet, T, is trained after it, which learns colours and what the words "
                             "say."),
        io.Int.Input("batch", default=8, min=1, max=1024, tooltip="Pictures in a step; fewer need less memory."),
        io.Float.Input("learning_rate", default=1e-4, min=1e-6, max=0.1, step=1e-6, round=1e-7,
                       tooltip="How far a step goes. Small bridges between small models learn at 0.001."),
        # The front end changes a seed after each run unless it is told not to, and another seed is another training.
        io.Int.Input("seed", default=0, min=0, max=2**31 - 1, control_after_generate=False,
                     tooltip="Decides everything that is drawn; another seed is another training."),
        io.Int.Input("preview_every", default=500, min=1, max=1_000_000,
                     tooltip="How many steps lie between two previews with scores on pictures that are not trained "
                             "on."),
    ]


def _advanced_inputs() -> list[io.Input]:
    return [
        io.Int.Input("own_pictures", default=2000, min=1, max=1_000_000, advanced=True,
                     tooltip="How many pictures the diffusion model finishes first, so that T learns what the words "
                             "mean to it. They are kept on disk."),
        io.Int.Input("sampling_steps", default=20, min=1, max=1000, advanced=True,
                     tooltip="How many sampling steps each of those pictures takes."),
        io.Float.Input("cfg", default=7.0, min=0.0, max=100.0, step=0.1, advanced=True,
                       tooltip="How strongly those pictures follow the prompt; use 2 for the demo model."),
        io.Int.Input("size", default=0, min=0, max=4096, step=8, advanced=True,
                     tooltip="The side of the pictures that the diffusion model sees; 0 is 512, or the demo model's "
                             "own."),
        io.Int.Input("held_out", default=64, min=1, max=10_000, advanced=True,
                     tooltip="How many model passes on pictures that are not trained on make a score."),
        io.Combo.Input("attention_source", options=list(_ATTENTION), default=_ATTENTION[0],
                       advanced=True, tooltip="What AbSMNet reads of cross-attention: its output, or how much each "
                                              "place looks at the words."),
        io.Combo.Input("refinement", options=list(_REFINEMENTS), default=_REFINEMENTS[-1], advanced=True,
                       tooltip="What AbSMNet refines features by: the words at each place, all of it, or both."),
        io.Combo.Input("denoising_steps", options=list(_DENOISING_STEPS), default=_DENOISING_STEPS[0],
                       advanced=True, tooltip="Which steps of a sampling run are learnt. uniform: all alike. low: more "
                                              "late ones. late: mostly the very last. ends: those and pure noise, "
                                              "for single passes. high: more early ones. logit_normal: mostly "
                                              "the middle. last: only the last."),
        io.Combo.Input("precision", options=list(_PRECISIONS), default=_PRECISIONS[0], advanced=True,
                       tooltip="The precision of the training; bf16 and fp16 are faster on graphics cards."),
        io.Combo.Input("cache", options=list(_CACHES), default=_CACHES[0], advanced=True,
                       tooltip="Whether what the diffusion model saw is kept. disk: it runs once for each pass and "
                               "never again, which suits a slow model and much free space."),
        io.Float.Input("rough_share", default=0.35, min=0.0, max=1.0, step=0.05, optional=True, advanced=True,
                       tooltip="The share of drawings that are made to look drawn by hand, so that yours are "
                               "understood: simple shapes, thick or broken lines, parts left out."),
        io.Float.Input("no_hint_share", default=0.2, min=0.0, max=1.0, step=0.05, optional=True, advanced=True,
                       tooltip="The share of pictures that are read without a drawing, so that words count by "
                               "themselves."),
    ]


def _source(data: dict | None) -> dict:
    """The trainer's fields for what the drop-down and the inputs below it say.

    ComfyUI gives None for a choice it does not know.
    """
    if data is None:
        raise InputError(f"The workflow asks for data that this node does not know; choose from: {', '.join(SOURCES)}.")
    return {"source": SOURCES[data["data"]], **{_FIELDS[key]: value for key, value in data.items() if key in _FIELDS}}


NODES = [TrainBridge]
