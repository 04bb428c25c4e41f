"""Nodes that read a diffusion model while it works: extract, tap and collect, encode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import comfy.samplers
from comfy_api.latest import io

import nodes as core_nodes

from ..ddgi.errors import InputError
from ..host.sockets import FEATURES, Features, Tap

if TYPE_CHECKING:
    from ..ddgi.features import StepSelection
    from ..host.capture.run import FeatureTap

_CHOICES = ("all", "last", "every k-th", "list")


def _step_inputs() -> list:
    return [
        io.Combo.Input("capture_steps", options=list(_CHOICES), default="last",
                       tooltip="Which sampling steps to keep. Early steps hold the layout and the words, late steps "
                               "the fine structure. A kept step takes about 20 MB for a 512 px picture of SD 1.5; last "
                               "is the lightest."),
        io.Int.Input("every", default=5, min=1, max=1000, advanced=True,
                     tooltip="The k of 'every k-th': 5 keeps steps 0, 5, 10 and so on, and the last one."),
        io.String.Input("step_list", default="0, -1", advanced=True,
                        tooltip="The steps that 'list' keeps: numbers with commas, counted from 0; -1 is the last "
                                "step, -2 the one before."),
    ]


def _selection(capture_steps: str, every: int, step_list: str) -> StepSelection:
    from ..ddgi.features import StepSelection

    if capture_steps == "every k-th":
        return StepSelection("every", every=every)
    if capture_steps == "list":
        return StepSelection.parse(step_list or "-")
    return StepSelection(capture_steps)


def _tap(capture_steps: str, every: int, step_list: str) -> FeatureTap:
    from ..host.capture.run import FeatureTap

    return FeatureTap(_selection(capture_steps, every, step_list))


_GRAPH = [io.Hidden.prompt, io.Hidden.unique_id]


def _check_graph(node: type[io.ComfyNode], model) -> None:
    """Refuse, before anything is sampled, a bridge below `node` that does not read `model`; see `belonging`."""
    from ..ddgi.features import FeatureLayout
    from ..host.belonging import check_graph

    layout = FeatureLayout.of(model.get_model_object("diffusion_model"))
    if node.hidden is not None:
        check_graph(node.hidden.prompt, node.hidden.unique_id, layout)


class FeatureExtract(io.ComfyNode):
    """KSampler that also returns the features of its run."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIFeatureExtract",
            display_name="DDGI Sampler (Feature Extract)",
            category=FEATURES,
            description="Samples exactly like KSampler and notes what the model sees on the way. DDGI Face Latent "
                        "turns these features into a face.",
            search_aliases=["ksampler", "capture", "attention", "face", "portrait"],
            inputs=[
                io.Model.Input("model", tooltip="The diffusion model to read: SD 1.x, SD 2.x or SDXL."),
                io.Int.Input("seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF, control_after_generate=True,
                             tooltip="The starting noise; the same seed gives the same picture."),
                io.Int.Input("steps", default=20, min=1, max=10000, tooltip="How many sampling steps to take."),
                io.Float.Input("cfg", default=8.0, min=0.0, max=100.0, step=0.1, round=0.01,
                               tooltip="How strongly to follow the prompt."),
                io.Combo.Input("sampler_name", options=comfy.samplers.KSampler.SAMPLERS,
                               tooltip="The sampling method."),
                io.Combo.Input("scheduler", options=comfy.samplers.KSampler.SCHEDULERS,
                               tooltip="How the noise falls over the steps."),
                io.Conditioning.Input("positive", tooltip="What you want to see. Features are read for this prompt; "
                                                          "where several are combined, for the first one."),
                io.Conditioning.Input("negative", tooltip="What you do not want to see."),
                io.Latent.Input("latent_image", tooltip="The latent to start from, for example Empty Latent Image."),
                io.Float.Input("denoise", default=1.0, min=0.0, max=1.0, step=0.01,
                               tooltip="A value below 1 keeps part of the starting latent."),
                *_step_inputs(),
            ],
            hidden=_GRAPH,
            outputs=[
                io.Latent.Output(display_name="latent", tooltip="The sampled latent, the same as KSampler gives."),
                Features.Output(display_name="features", tooltip="What the model saw, for DDGI Face Latent."),
            ],
        )

    @classmethod
    def execute(cls, model, seed, steps, cfg, sampler_name, scheduler, positive, negative, latent_image, denoise,
                capture_steps, every, step_list) -> io.NodeOutput:
        if denoise == 0.0:
            raise InputError("denoise is 0: nothing is sampled, so there are no features. Raise it (1 makes a new "
                             "picture, less keeps part of the given one), or read a latent with DDGI Encode Image")
        _check_graph(cls, model)
        tap = _tap(capture_steps, every, step_list)
        latent = core_nodes.common_ksampler(tap.attach(model), seed, steps, cfg, sampler_name, scheduler, positive,
                                            negative, latent_image, denoise=denoise)[0]
        return io.NodeOutput(latent, tap.features())


class FeatureTapNode(io.ComfyNode):
    """A listening copy of a model for any sampler."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIFeatureTap",
            display_name="DDGI Feature Tap",
            category=FEATURES,
            description="Put this between your model and any sampler or guider. It listens to the sampling run; DDGI "
                        "Collect Features hands out what it heard. Make it the last node that changes the model.",
            search_aliases=["capture", "features", "attention", "hook"],
            inputs=[io.Model.Input("model", tooltip="The diffusion model to read: SD 1.x, SD 2.x or "
                                                    "SDXL."), *_step_inputs()],
            hidden=_GRAPH,
            outputs=[
                io.Model.Output(display_name="model", tooltip="Connect this to the sampler or guider."),
                Tap.Output(display_name="tap", tooltip="Connect this to DDGI Collect Features."),
            ],
        )

    @classmethod
    def execute(cls, model, capture_steps, every, step_list) -> io.NodeOutput:
        _check_graph(cls, model)
        tap = _tap(capture_steps, every, step_list)
        return io.NodeOutput(tap.attach(model), tap)


class CollectFeatures(io.ComfyNode):
    """The features a tap heard, once the sampler is done."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGICollectFeatures",
            display_name="DDGI Collect Features",
            category=FEATURES,
            description="Hands out what DDGI Feature Tap heard while the connected latent was sampled. Connect that "
                        "latent straight from its sampler: features of another one are never given.",
            search_aliases=["capture", "features", "attention"],
            inputs=[
                Tap.Input("tap", tooltip="The tap of DDGI Feature Tap."),
                io.Latent.Input("latent", tooltip="The latent of the sampler that uses the tapped model, unchanged."),
            ],
            outputs=[Features.Output(display_name="features", tooltip="What the model saw, for DDGI Face Latent.")],
        )

    @classmethod
    def execute(cls, tap, latent) -> io.NodeOutput:
        return io.NodeOutput(tap.features(latent["samples"]))


class EncodeImage(io.ComfyNode):
    """One U-Net pass on a noised picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIEncodeImage",
            display_name="DDGI Encode Image",
            category=FEATURES,
            description="Reads a picture in a single model pass: it adds noise and looks once, without sampling. With "
                        "an empty latent it reads prompt and ControlNet alone, many times faster than a sampler.",
            search_aliases=["inversion", "features", "encode", "one step"],
            inputs=[
                io.Model.Input("model", tooltip="The diffusion model to read: SD 1.x, SD 2.x or SDXL."),
                io.Conditioning.Input("positive", tooltip="What the picture shows, with the ControlNet applied if you "
                                                          "use one."),
                io.Float.Input("noise_level", default=0.5, min=0.01, max=1.0, step=0.01,
                               tooltip="How much noise to add before looking. Low keeps the picture's structure, high "
                                       "follows the prompt. 1 is pure noise: the picture no longer counts."),
                io.Int.Input("seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF, control_after_generate=True,
                             tooltip="Where the noise comes from; the same seed gives the same features."),
                io.Vae.Input("vae", optional=True, tooltip="The VAE of the same model; an image needs it."),
                io.Image.Input("image", optional=True, tooltip="The picture to read; connect the VAE too."),
                io.Latent.Input("latent", optional=True, tooltip="A latent to read in the place of an image, for "
                                                                 "example Empty Latent Image with noise_level 1."),
            ],
            hidden=_GRAPH,
            outputs=[Features.Output(display_name="features", tooltip="What the model saw, for DDGI Face Latent; it is "
                                                                      "one step, number 0.")],
        )

    @classmethod
    def execute(cls, model, positive, noise_level, seed, vae=None, image=None, latent=None) -> io.NodeOutput:
        from ..host.capture.encode import encode_latent

        if (image is None) == (latent is None):
            given = "nothing" if image is None else "both an image and a latent"
            raise InputError(f"DDGI Encode Image got {given}; connect either an image with its VAE, or a latent")
        if image is not None:
            if vae is None:
                raise InputError("DDGI Encode Image got an image but no VAE; connect the VAE of your model")
            latent = {"samples": vae.encode(image[..., :3])}
        _check_graph(cls, model)
        return io.NodeOutput(encode_latent(model, positive, latent["samples"], noise_level, seed,
                                           latent.get("batch_index")))


NODES = [FeatureExtract, FeatureTapNode, CollectFeatures, EncodeImage]
