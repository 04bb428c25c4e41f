"""The node of the method itself: diffusion features to a generator latent."""

import dataclasses

from comfy.model_management import intermediate_device
from comfy_api.latest import io

from ..host.managed import ManagedModel
from ..host.sockets import LATENT, Bridge, Features, Latent

STEPS = ("last", "one step", "mean", "schedule")


class MappingAbSMNetLatent(io.ComfyNode):
    """w = w_m * w_gamma + w_beta for the chosen denoising steps."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIMappingAbSMNetLatent",
            display_name="DDGI Face Latent (Mapping+AbSMNet)",
            category=LATENT,
            description="Turns what the diffusion model saw while sampling into a face for the generator, as a latent. "
                        "This is the paper's mapping network M and its style modulation network T (AbSMNet).",
            search_aliases=["bridge", "inversion", "mapping network", "w+", "style modulation", "portrait", "smile"],
            inputs=[
                Features.Input("features", tooltip="The features from DDGI Sampler, DDGI Collect Features or DDGI "
                                                   "Encode Image."),
                Bridge.Input("bridge", tooltip="The bridge, which must be trained for this diffusion model and your "
                                               "generator."),
                io.Combo.Input("step", options=list(STEPS), default="last",
                               tooltip="Which captured sampling steps to use. last: the finished picture, which keeps "
                                       "the drawn shapes best. one step: the one that step_index names. mean: the "
                                       "average of all. schedule: shapes from late steps, colours and words from early "
                                       "ones."),
                io.Int.Input("step_index", default=0, min=-1000, max=1000,
                             tooltip="The number of the captured step that 'one step' uses, counted from 0; -1 is the "
                                     "last."),
                io.Float.Input("gamma", default=1.0, min=0.0, max=2.0, step=0.05,
                               tooltip="Strength of the style scale: how much the words change the face. 0 with beta 0 "
                                       "leaves the mapping network's plain face."),
                io.Float.Input("beta", default=1.0, min=0.0, max=2.0, step=0.05,
                               tooltip="Strength of the style shift, the other half of what the words change."),
                io.Float.Input("truncation", default=1.0, min=0.0, max=1.5, step=0.05,
                               tooltip="1 keeps the face; less pulls it towards the average face, which is safer and "
                                       "less distinct."),
            ],
            outputs=[Latent.Output(display_name="latent", tooltip="One face for each picture of the batch, for DDGI "
                                                                  "Render Face.")],
        )

    @classmethod
    def execute(cls, features, bridge: ManagedModel, step: str, step_index: int, gamma: float, beta: float,
                truncation: float) -> io.NodeOutput:
        network = bridge.load()
        choice = step_index if step == "one step" else step
        latent = network(features.to(bridge.device), step=choice, gamma=gamma, beta=beta, truncation_psi=truncation)
        return io.NodeOutput(dataclasses.replace(latent, ws=latent.ws.to(intermediate_device())))


NODES = [MappingAbSMNetLatent]
