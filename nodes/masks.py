"""Nodes that prepare what the artist draws: face masks and scribbles."""

import torch
from comfy_api.latest import io
from einops import repeat

from ..ddgi import facemask, scribble
from ..ddgi.errors import InputError
from ..ddgi.pictures import image_from_bytes
from ..host.node_text import say
from ..host.sockets import DRAWING


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
                               tooltip="How to read the picture. Auto takes a very dark grey picture as part numbers, "
                                       "notices whether they count as CelebAMask-HQ or as BiSeNet face parsers do, "
                                       "and takes everything else as colours. The node says what it did."),
                io.Combo.Input("palette", options=list(facemask.PALETTES), default=facemask.PALETTES[0],
                               tooltip="The colours you painted with. MaskGAN's drawing tool swaps the colours of "
                                       "left and right eye and ear."),
                io.Int.Input("size", default=0, min=0, max=4096, step=8,
                             tooltip="The longer side of the result in pixels; 0 keeps the size."),
            ],
            hidden=[io.Hidden.unique_id],
            outputs=[
                io.Image.Output(display_name="hint", tooltip="The mask in flat CelebAMask-HQ colours, for the "
                                                             "ControlNet."),
                io.Mask.Output(display_name="classes", tooltip="The part numbers as a MASK: the value times 255 is the "
                                                               "part, 0 to 18."),
            ],
        )

    @classmethod
    def execute(cls, reading: str, palette: str, size: int, image=None, mask=None) -> io.NodeOutput:
        picture, said = _one_picture(image, mask, "DDGI Face Mask"), []
        indices = facemask.read_mask(picture, reading, palette, say=said.append)
        if size:
            indices = facemask.resize_mask(indices, size)
        say(cls, *said or [f"{len(indices.unique())} parts, background included."])
        return io.NodeOutput(facemask.mask_to_hint(indices), image_from_bytes(indices))


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
                io.Mask.Input("mask", optional=True,
                              tooltip="With an image, its transparency as Load Image gives it: what is transparent is "
                                      "paper. Without one, a MASK whose borders or strokes are drawn."),
                io.Combo.Input("draw", options=list(scribble.DRAWS), default=scribble.AUTO,
                               tooltip="What to draw: lines of a photo, borders of the parts of a face mask, or a "
                                       "line drawing as it is, dark on light or light on dark. Auto finds out which it "
                                       "is; a line drawing is also found under lines of the picture."),
                io.Float.Input("threshold", default=0.025, min=0.0, max=1.0, step=0.005,
                               tooltip="How strong a line of the picture must be; more keeps only strong lines."),
                io.Float.Input("detail", default=1.0, min=0.25, max=8.0, step=0.25,
                               tooltip="How fine the lines of the picture are; more follows strands of hair."),
                io.Int.Input("thickness", default=2, min=1, max=32, tooltip="The width of the lines in pixels."),
            ],
            hidden=[io.Hidden.unique_id],
            outputs=[io.Image.Output(display_name="scribble", tooltip="The scribble: black lines on white paper.")],
        )

    @classmethod
    def execute(cls, draw: str, threshold: float, detail: float, thickness: int,
                image=None, mask=None) -> io.NodeOutput:
        transparency = mask if image is not None else None
        picture, said = _one_picture(image, None if image is not None else mask, "DDGI Scribble"), []
        if image is None and draw == scribble.LINES:
            draw = scribble.BORDERS
        lines = scribble.draw_scribble(picture, draw, threshold, detail, thickness, transparency, say=said.append)
        say(cls, *said or [f"Drawn: {draw}."])
        return io.NodeOutput(repeat(lines, "b h w -> b h w c", c=3))


NODES = [FaceMask, Scribble]
