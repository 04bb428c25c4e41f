"""Nodes that show a face on its way: while the diffusion model samples, and step by step afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy.model_management import intermediate_device
from comfy_api.latest import io, ui

from ..ddgi.errors import InputError
from ..host.managed import ManagedModel
from ..host.sockets import FEATURES, Bridge, Features, Generator, Latent

if TYPE_CHECKING:
    from ..ddgi.features import DiffusionFeatures

MOST_STEPS = 64


class FacePreviewNode(io.ComfyNode):
    """A copy of a model that shows faces while it samples."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIFacePreview",
            display_name="DDGI Face Preview",
            category=FEATURES,
            description="Put this between your model and any sampler: while it samples, the sampler's node shows the "
                        "face that each step gives. The result stays the same. Previews never take more than a fifth "
                        "of the time, so a slow machine shows fewer.",
            search_aliases=["live preview", "progress", "watch", "face", "portrait"],
            inputs=[
                io.Model.Input("model", tooltip="The diffusion model that will sample."),
                Bridge.Input("bridge", tooltip="The bridge that turns what the model sees into a face."),
                Generator.Input("generator", tooltip="The generator that draws the face; 3D heads are shown from the "
                                                     "front."),
            ],
            outputs=[io.Model.Output(display_name="model", tooltip="Connect this to DDGI Sampler, DDGI Feature Tap or "
                                                                   "any sampler.")],
        )

    @classmethod
    def execute(cls, model, bridge: ManagedModel, generator: ManagedModel) -> io.NodeOutput:
        from ..host.capture.preview import FacePreview

        return io.NodeOutput(FacePreview(bridge, generator).attach(model))


class StepStrip(io.ComfyNode):
    """The face of each captured step, in a row."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIStepStrip",
            display_name="DDGI Step Strip",
            category=FEATURES,
            description="Shows how a face comes about: one row with the face of each captured step. Set capture_steps "
                        "of DDGI Sampler to 'every k-th' or 'all' to see more than the last.",
            search_aliases=["steps", "timeline", "contact sheet", "progress", "denoising"],
            is_output_node=True,
            inputs=[
                Features.Input("features", tooltip="The features from DDGI Sampler or DDGI Collect Features."),
                Bridge.Input("bridge", tooltip="The bridge that turns each step's features into a face."),
                Generator.Input("generator", tooltip="The generator that draws the faces; 3D heads are drawn from the "
                                                     "front."),
                io.Int.Input("picture_size", default=192, min=16, max=1024, tooltip="The side of each picture in "
                                                                                    "pixels."),
            ],
            outputs=[
                io.Image.Output(display_name="strip", tooltip="One picture: a row for each face of the batch, a column "
                                                              "for each step."),
                Latent.Output(display_name="latents", tooltip="The faces of all steps as a batch, step by step, for "
                                                              "DDGI Pick Faces or DDGI Face Walk."),
            ],
        )

    @classmethod
    def execute(cls, features: DiffusionFeatures, bridge: ManagedModel, generator: ManagedModel,
                picture_size: int) -> io.NodeOutput:
        from ..ddgi.bridge import step_strip
        from ..ddgi.pictures import image_from_pil

        if len(features.steps) > MOST_STEPS:
            raise InputError(f"{len(features.steps)} steps were captured; {MOST_STEPS} fit into a strip: set "
                             f"capture_steps to 'every k-th'.")
        network = bridge.load()
        latents, strip = step_strip(features.to(bridge.device), network, generator.load(), picture_size)
        image = image_from_pil(strip).to(intermediate_device())
        return io.NodeOutput(image, latents, ui=ui.PreviewImage(image, cls=cls))


NODES = [FacePreviewNode, StepStrip]
