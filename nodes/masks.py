"""Nodes that prepare what the artist draws: face masks and scribbles."""

import torch
from comfy_api.latest import io

from ..ddgi import facemask, scribble
from ..ddgi.errors import InputError
from .types import DRAWING


def _one_picture(image: torch.Tensor | None, mask: torch.Tensor | None, node: str) -> torch.Tensor:
    """The IMAGE, or the MASK as a grey IMAGE [B, H, W, 1]; exactly one of them must be connected."""
    if (image is None) == (mask is None):
        state = "Nothing is" if image is None else "Both image and mask are"
        raise InputError(f"{state} connected to {node}; connect either an image or a mask.")
    return image if mask is None else mask.reshape(-1, *mask.shape[-2:], 1)


class FaceMask(io.ComfyNode):
    """Colour or index image to the 19-class hint and back."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIFaceMask",
            display_name="DDGI Face Mask",
            category=DRAWING,
            description="Reads a painted face mask (19 CelebAMask-HQ parts) and gives the clean colour picture that a "
                        "mask ControlNet expects, plus the part numbers. Also turns part numbers back into colours.",
            search_aliases=["segmentation", "CelebAMask", "parsing", "portrait"],
            inputs=[
                io.Image.Input("image", optional=True,
                               tooltip="The painted mask: one flat colour for each face part, or a dark grey picture "
                                       "whose values are the part numbers 0 to 18."),
                io.Mask.Input("mask", optional=True,
                              tooltip="Part numbers in the place of an image, as the classes output gives them."),
                io.Combo.Input("reading", options=list(facemask.READINGS), default="auto",
                               tooltip="How to read the picture. Auto takes a very dark grey picture as part numbers "
                                       "and everything else as colours."),
                io.Combo.Input("palette", options=list(facemask.PALETTES), default=facemask.PALETTES[0],
                               tooltip="The colours you painted with. MaskGAN's drawing tool swaps the colours of "
                                       "left and right eye and ear."),
                io.Int.Input("size", default=0, min=0, max=4096, step=8,
                             tooltip="The longer side of the result in pixels; 0 keeps the size."),
            ],
            outputs=[
                io.Image.Output(display_name="hint", tooltip="The mask in flat CelebAMask-HQ colours, for the "
                                                             "ControlNet."),
                io.Mask.Output(display_name="classes", tooltip="The part numbers as a MASK: the value times 255 is the "
                                                               "part, 0 to 18."),
            ],
        )

    @classmethod
    def execute(cls, reading: str, palette: str, size: int, image=None, mask=None) -> io.NodeOutput:
        indices = facemask.read_mask(_one_picture(image, mask, "DDGI Face Mask"), reading, palette)
        if size:
            indices = facemask.resize_mask(indices, size)
        return io.NodeOutput(facemask.mask_to_hint(indices), indices.float() / 255.0)


class Scribble(io.ComfyNode):
    """Scribble hint from a picture or from the borders of a mask."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIScribble",
            display_name="DDGI Scribble",
            category=DRAWING,
            description="Draws a black-on-white scribble for a scribble ControlNet: the lines of a picture, or the "
                        "borders of the parts of a face mask.",
            search_aliases=["lineart", "sketch", "edges"],
            inputs=[
                io.Image.Input("image", optional=True, tooltip="The photo, drawing or face mask in flat colours."),
                io.Mask.Input("mask", optional=True, tooltip="A MASK in the place of an image; its borders are drawn."),
                io.Combo.Input("draw", options=["lines of the picture", "borders of the parts"],
                               default="lines of the picture",
                               tooltip="Lines suit photos and drawings; borders suit face masks in flat colours. "
                                       "A MASK is always drawn by its borders."),
                io.Float.Input("threshold", default=0.025, min=0.0, max=1.0, step=0.005,
                               tooltip="How strong a line of the picture must be; more keeps only strong lines."),
                io.Float.Input("detail", default=1.0, min=0.25, max=8.0, step=0.25,
                               tooltip="How fine the lines of the picture are; more follows strands of hair."),
                io.Int.Input("thickness", default=2, min=1, max=32, tooltip="The width of the lines in pixels."),
            ],
            outputs=[io.Image.Output(display_name="scribble", tooltip="The scribble: black lines on white paper.")],
        )

    @classmethod
    def execute(cls, draw: str, threshold: float, detail: float, thickness: int,
                image=None, mask=None) -> io.NodeOutput:
        picture = _one_picture(image, mask, "DDGI Scribble")
        if image is not None and draw == "lines of the picture":
            lines = scribble.lines_from_image(picture, threshold, detail, thickness)
        else:
            lines = scribble.lines_from_mask(_area_numbers(picture), thickness)
        return io.NodeOutput(lines[..., None].repeat(1, 1, 1, 3))


def _area_numbers(picture: torch.Tensor) -> torch.Tensor:
    """One number [B, H, W] per colour of [B, H, W, C] at 8 bits, so that equal pixels have equal numbers."""
    levels = (picture[..., :3] * 255.0).round().long()
    return (levels * torch.tensor([65536, 256, 1], device=levels.device)[:levels.shape[-1]]).sum(-1)


NODES = [FaceMask, Scribble]
