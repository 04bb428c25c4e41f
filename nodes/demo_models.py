"""The node that loads the demo models."""

from comfy_api.latest import io

from ..host.folders import DEMO, DEMO_KINDS
from ..host.managed import managed_bridge, managed_generator
from ..host.sockets import MODELS, Bridge, Generator


class LoadDemoModels(io.ComfyNode):
    """Everything a first face needs, from the pack's own folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGILoadDemoModels",
            display_name="DDGI Load Demo Models",
            category=MODELS,
            description="Loads the small models that come with this pack, trained on procedurally drawn 3D characters. "
                        "They need no download and run on a CPU in seconds; their pictures are small. Use them to "
                        "learn the nodes, then swap in your own checkpoint, ControlNet, generator and bridge.",
            search_aliases=["example models", "headworld", "face", "portrait", "character", "avatar"],
            inputs=[io.Combo.Input("kind", options=list(DEMO_KINDS), default=next(iter(DEMO_KINDS)), optional=True,
                                   tooltip="2D draws the face as the drawing shows it. 3D makes a head for any camera, "
                                           "with depth and mesh.")],
            outputs=[
                io.Model.Output(display_name="model", tooltip="The small diffusion model, for DDGI Sampler."),
                io.Clip.Output(display_name="clip", tooltip="The text model, for DDGI Prompt."),
                io.Vae.Output(display_name="vae", tooltip="The autoencoder, for VAE Decode."),
                io.ControlNet.Output(display_name="control_net", tooltip="Reads face masks and scribbles, for Apply "
                                                                         "ControlNet."),
                Generator.Output(display_name="generator", tooltip="The face generator, for DDGI Render Face."),
                Bridge.Output(display_name="bridge", tooltip="The bridge to that generator, for DDGI Face Latent."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, kind: str = "") -> list[float]:
        return [path.stat().st_mtime for path in sorted(DEMO.glob("*.safetensors"))]

    @classmethod
    def execute(cls, kind: str = next(iter(DEMO_KINDS))) -> io.NodeOutput:
        from ..host.demo_models import load_control_net, load_diffusion

        generator, bridge = DEMO_KINDS[kind]
        return io.NodeOutput(*load_diffusion(), load_control_net(), managed_generator(DEMO / generator),
                             managed_bridge(DEMO / bridge))


NODES = [LoadDemoModels]
