"""The node that turns latents into pictures."""

import torch
from comfy.model_management import intermediate_device, throw_exception_if_processing_interrupted
from comfy.utils import ProgressBar
from comfy_api.latest import io

from .managed import ManagedModel
from .types import CATEGORY, Generator, Latent

_DTYPES = {"fp32": None, "fp16": torch.float16, "bf16": torch.bfloat16}


class Render(io.ComfyNode):
    """Latent and generator to IMAGE."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIRender",
            display_name="StyleGAN/EG3D Render",
            category=CATEGORY,
            description="Renders each face of a latent with its generator.",
            search_aliases=["stylegan", "gan", "synthesis"],
            inputs=[
                Generator.Input("generator", tooltip="The generator the latent was made for."),
                Latent.Input("latent", tooltip="From Mapping+AbSMNet Latent or DDGI Load Latent."),
                io.Combo.Input("noise_mode", options=["const", "random", "none"], default="const",
                               tooltip="Fine detail such as pores and strands. const: always the same; random: drawn "
                                       "from the seed; none: smooth."),
                io.Int.Input("seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF, control_after_generate=True,
                             tooltip="Only for random noise."),
                io.Float.Input("truncation", default=1.0, min=0.0, max=1.5, step=0.05,
                               tooltip="1 keeps the face; lower pulls it towards the average face."),
                io.Combo.Input("precision", options=list(_DTYPES), default="fp32", advanced=True,
                               tooltip="fp16 and bf16 are faster on graphics cards and slightly less exact."),
                io.Boolean.Input("allow_relative", default=False, advanced=True,
                                 tooltip="Accept a latent of another generator of the same size, for example when "
                                         "this one is a fine-tuned or blended copy of it."),
            ],
            outputs=[io.Image.Output(display_name="image")],
        )

    @classmethod
    def execute(cls, generator: ManagedModel, latent, noise_mode: str, seed: int, truncation: float, precision: str,
                allow_relative: bool) -> io.NodeOutput:
        latent.check(generator.value, relative=allow_relative)
        size = generator.value.config.img_resolution
        network = generator.load(memory_required=size * size * 4 * 512)
        w_avg = network.w_avg
        ws = w_avg + truncation * (latent.ws.to(w_avg) - w_avg)
        bar = ProgressBar(len(ws))

        def progress(done: int, total: int) -> None:
            throw_exception_if_processing_interrupted()
            bar.update_absolute(done, total)

        out = network.render(ws, noise_mode=noise_mode, seed=_sample_seeds(seed, len(ws)), dtype=_DTYPES[precision],
                             progress=progress)
        return io.NodeOutput(to_image(out.image))


def _sample_seeds(seed: int, count: int) -> list[int]:
    """One seed per sample, so that sample i alone with seed + i gives the same picture."""
    return [(seed + index) % 2**63 for index in range(count)]


def to_image(pictures: torch.Tensor) -> torch.Tensor:
    """[B, 3, H, W] of about -1..1 to ComfyUI's IMAGE [B, H, W, 3] in 0..1; its 8-bit form is 127.5 x + 128."""
    image = (pictures * 127.5 + 128.0).clamp(0.0, 255.0) / 255.0
    return image.permute(0, 2, 3, 1).to(intermediate_device(), torch.float32).contiguous()


NODES = [Render]
