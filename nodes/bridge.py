"""The node of the method itself: diffusion features to a generator latent."""

import dataclasses

from comfy.model_management import intermediate_device
from comfy_api.latest import io

from ..host.managed import ManagedModel
from .types import CATEGORY, Bridge, Features, Latent

STEPS = ("last", "one step", "mean", "schedule")


class MappingAbSMNetLatent(io.ComfyNode):
    """w = w_m * w_gamma + w_beta for the chosen denoising steps."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIMappingAbSMNetLatent",
            display_name="Mapping+AbSMNet Latent",
            category=CATEGORY,
            description="Turns what the diffusion model saw while sampling into a latent for the face generator.",
            search_aliases=["bridge", "inversion", "mapping network"],
            inputs=[
                Features.Input("features", tooltip="From DDGI Feature Extract, Collect Features or Encode Image."),
                Bridge.Input("bridge", tooltip="Must be trained for this diffusion model."),
                io.Combo.Input("step", options=list(STEPS), default="last",
                               tooltip="Which captured denoising steps to use. last: the finished picture, keeps the "
                                       "drawn shapes best. one step: see step_index. mean: the average. schedule: "
                                       "shape from late steps, colour and text from early ones."),
                io.Int.Input("step_index", default=0, min=-1000, max=1000,
                             tooltip="For one step: the number of a captured sampling step, from 0; -1 is the last."),
                io.Float.Input("gamma", default=1.0, min=0.0, max=2.0, step=0.05,
                               tooltip="Strength of the style scale. 0 with beta 0 leaves the mapping network alone."),
                io.Float.Input("beta", default=1.0, min=0.0, max=2.0, step=0.05,
                               tooltip="Strength of the style shift."),
                io.Float.Input("truncation", default=1.0, min=0.0, max=1.5, step=0.05,
                               tooltip="1 keeps the face; lower pulls it towards the average face, which is safer "
                                       "but less distinct."),
            ],
            outputs=[Latent.Output(display_name="latent", tooltip="One face per picture of the batch.")],
        )

    @classmethod
    def execute(cls, features, bridge: ManagedModel, step: str, step_index: int, gamma: float, beta: float,
                truncation: float) -> io.NodeOutput:
        network = bridge.load()
        choice = step_index if step == "one step" else step
        latent = network(features.to(bridge.device), step=choice, gamma=gamma, beta=beta, truncation_psi=truncation)
        return io.NodeOutput(dataclasses.replace(latent, ws=latent.ws.to(intermediate_device())))


NODES = [MappingAbSMNetLatent]
