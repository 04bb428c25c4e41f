"""The node that turns latents into pictures."""

import dataclasses

import torch
from comfy.model_management import intermediate_device, throw_exception_if_processing_interrupted
from comfy.utils import ProgressBar
from comfy_api.latest import io

from ..ddgi import geometry
from ..ddgi.cameras import Camera
from ..ddgi.gan import RenderOutput
from ..ddgi.pictures import resize, to_image
from ..host.family_options import option_inputs
from ..host.managed import ManagedModel
from ..host.sockets import LATENT, Cameras, Generator, Latent

_DTYPES = {"fp32": None, "fp16": torch.float16, "bf16": torch.bfloat16}


class Render(io.ComfyNode):
    """Latent and generator to IMAGE, and for 3D generators to depth, normals and coverage."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIRender",
            display_name="DDGI Render Face (StyleGAN/EG3D)",
            category=LATENT,
            description="Renders each face of a latent with its generator; a 3D generator from every camera, with "
                        "depth and normals for ControlNets. After a run a 3D head can be turned by hand on the node.",
            search_aliases=["synthesis", "depth", "normal", "portrait", "character", "avatar", "orbit", "turn"],
            inputs=[
                Generator.Input("generator", tooltip="The generator the latent was made for."),
                Latent.Input("latent", tooltip="The faces, from DDGI Face Latent or DDGI Load Latent."),
                io.Combo.Input("noise_mode", options=["const", "random", "none"], default="const",
                               tooltip="Fine detail such as pores and strands. const: always the same. random: drawn "
                                       "from the seed. none: smooth."),
                # Fixed: const noise never reads it, and a seed that changes would draw the same face again.
                io.Int.Input("seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF,
                             control_after_generate=io.ControlAfterGenerate.fixed,
                             tooltip="Where random noise comes from; the other kinds of noise do not use it."),
                io.Float.Input("truncation", default=1.0, min=0.0, max=1.5, step=0.05,
                               tooltip="1 keeps the face; less pulls it towards the average face."),
                io.Combo.Input("precision", options=list(_DTYPES), default="fp32", advanced=True,
                               tooltip="The precision of the computation. bf16 is faster on graphics cards and on "
                                       "newer processors (AVX-512 BF16), fp16 on graphics cards alone; both are "
                                       "slightly less exact."),
                io.Boolean.Input("allow_relative", default=False, advanced=True,
                                 tooltip="Accepts a latent of another generator of the same size, for example when "
                                         "this one is a fine-tuned or blended copy of it."),
                *_view_inputs(),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The pictures, face by face, each from every camera."),
                io.Image.Output(display_name="depth", tooltip="The depth: near is white, far is dark, the background "
                                                              "black. It is black for a 2D generator."),
                io.Image.Output(display_name="normals", tooltip="The directions of the surface as colours, seen from "
                                                                "the camera. They are flat for a 2D generator."),
                io.Image.Output(display_name="raw_image", tooltip="The small picture before super-resolution; for a 2D "
                                                                  "generator the image itself."),
                io.Mask.Output(display_name="alpha", tooltip="A mask that is 1 where the head is; for a 2D generator "
                                                             "the alpha channel of its pictures, or 1 everywhere."),
            ],
            is_output_node=True,        # so that a run brings back the head of a page that was loaded anew
        )

    @classmethod
    def execute(cls, generator: ManagedModel, latent, noise_mode: str, seed: int, truncation: float, precision: str,
                allow_relative: bool, cameras: Camera | None = None, depth_range: str = geometry.DEPTH_RANGES[0],
                normal_colours: str = geometry.NORMAL_COLOURS[0], **options) -> io.NodeOutput:
        latent.check(generator.value, relative=allow_relative)
        options = generator.value.own_options(options)
        network = generator.load(memory_required=generator.value.memory_estimate(**options))
        ws = network.truncate(latent.ws.to(network.w_avg), truncation)
        bar = ProgressBar(len(ws))

        def progress(done: int, total: int) -> None:
            throw_exception_if_processing_interrupted()
            bar.update_absolute(done, total)

        out = network.render(dataclasses.replace(latent, ws=ws), cameras, noise_mode, _sample_seeds(seed, len(ws)),
                             dtype=_DTYPES[precision], relative=allow_relative, progress=progress, **options)
        depth, normals, alpha = _shape_pictures(out, depth_range, normal_colours)
        raw = out.image if out.image_raw is None else out.image_raw
        image, raw = (to_image(picture).to(intermediate_device()) for picture in (out.image, raw))
        turned = None
        if generator.value.is_3d:
            from ..host.live.sessions import SESSIONS
            from ..host.live.shaping import TurningHead

            session = TurningHead(generator, latent, truncation, noise_mode, seed, dtype=_DTYPES[precision], **options)
            turned = {"ddgi_live": [SESSIONS.open(session)]}
        return io.NodeOutput(image, _channels_last(depth.expand(-1, 3, -1, -1)), _channels_last(normals), raw,
                             _channels_last(alpha)[..., 0], ui=turned)


def _view_inputs() -> list[io.Input]:
    """Optional, and after the older inputs, so that workflows from before they existed still run."""
    return [
        Cameras.Input("cameras", optional=True,
                      tooltip="Where 3D heads are seen from: every face is drawn from every camera. Without cameras, "
                              "the latent's own is used, or the front."),
        *option_inputs("render_options", is_3d=True),
        io.Combo.Input("depth_range", options=list(geometry.DEPTH_RANGES), default=geometry.DEPTH_RANGES[0],
                       optional=True, advanced=True,
                       tooltip="What the depth's brightness is measured by. each picture: full contrast for each. "
                               "whole batch: one scale for all, so that a video does not flicker."),
        io.Combo.Input("normal_colours", options=list(geometry.NORMAL_COLOURS), default=geometry.NORMAL_COLOURS[0],
                       optional=True, advanced=True,
                       tooltip="Which way red faces in the normals; blue faces you and green faces up. 3D programs "
                               "have red to the right, the Normal Bae preprocessor to the left."),
        *option_inputs("render_options", is_3d=False),
    ]


def _shape_pictures(out: RenderOutput, depth_range: str,
                    normal_colours: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Depth [N, 1, H, W], normals [N, 3, H, W] and alpha [N, 1, H, W] in 0..1, in the image's size."""
    size = out.image.shape[-1]
    if out.image_depth is None:
        nothing = out.image.new_zeros(len(out.image), 1, size, size)
        flat = geometry.normal_pictures(nothing.expand(-1, 3, -1, -1), nothing)
        return nothing, flat, torch.ones_like(nothing) if out.image_alpha is None else out.image_alpha
    normals = geometry.normals_from_depth(out.image_depth, out.labels)
    pictures = (geometry.depth_pictures(out.image_depth, out.image_alpha, depth_range),
                geometry.normal_pictures(normals, out.image_alpha, normal_colours), out.image_alpha)
    return tuple(resize(picture, size).clamp(0, 1) for picture in pictures)


def _sample_seeds(seed: int, count: int) -> list[int]:
    """One seed per sample, so that sample i alone with seed + i gives the same picture."""
    return [(seed + index) % 2**63 for index in range(count)]


def _channels_last(pictures: torch.Tensor) -> torch.Tensor:
    """[B, C, H, W] to [B, H, W, C], fp32, where the host keeps values between nodes."""
    return pictures.permute(0, 2, 3, 1).to(intermediate_device(), torch.float32).contiguous()


NODES = [Render]
