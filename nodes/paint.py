"""Nodes with a painter: a face mask painted in the graph, and a face that follows the brush."""

from comfy_api.latest import io

from ..ddgi.errors import InputError
from ..ddgi.painting import KINDS, read_painting
from ..ddgi.palette import CLASS_NAMES, PALETTE
from ..ddgi.pictures import image_from_bytes
from ..host.folders import EXAMPLES
from ..host.sockets import DRAWING, Bridge, Generator, Latent

_STRENGTHS = {"default": 1.0, "min": 0.0, "max": 10.0, "step": 0.05}


def _painter(live: bool = False) -> list[io.Input]:
    """The drawing and its kind. The painter itself is web/js/painter.js, which gets colours and examples from here."""
    classes = [[name, f"#{bytes(colour).hex()}"] for name, colour in zip(CLASS_NAMES, PALETTE.tolist())]
    examples = sorted(path.stem for path in EXAMPLES.glob("*.png"))
    return [
        io.Combo.Input("kind", options=list(KINDS), default=KINDS[0],
                       tooltip="What you paint. mask: the parts of the face, each in its colour. scribble: lines."),
        io.String.Input("drawing", default="", socketless=True,
                        tooltip="The painting. It is kept in the workflow.",
                        extra_dict={"widgetType": "DDGI_PAINTER", "classes": classes, "examples": examples,
                                    "live": live}),
    ]


class PaintMask(io.ComfyNode):
    """A painter's drawing as hint and part numbers."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIPaintMask",
            display_name="DDGI Paint Mask",
            category=DRAWING,
            description="Paint a face mask or a scribble right here: 19 named colours, brush, fill, eraser, mirror and "
                        "undo. Begin with an example, with a picture that you drop on it, or with an empty canvas.",
            search_aliases=["draw", "brush", "paint", "segmentation", "sketch", "face mask", "painter"],
            inputs=_painter(),
            outputs=[
                io.Image.Output(display_name="hint", tooltip="The drawing as a ControlNet takes it: flat part colours, "
                                                             "or black lines on white."),
                io.Mask.Output(display_name="classes", tooltip="The part numbers as a MASK: the value times 255 is the "
                                                               "part, 0 to 18. Of a scribble 1 on the lines."),
            ],
        )

    @classmethod
    def execute(cls, kind: str, drawing: str) -> io.NodeOutput:
        painting = read_painting(drawing, kind)
        if painting is None:
            raise InputError("Nothing is painted yet; paint a face, or begin with one of the examples.")
        return io.NodeOutput(painting.hint, image_from_bytes(painting.classes))


class LiveFace(io.ComfyNode):
    """One pass of the diffusion model for each stroke; a whole sampling run on the queue."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGILiveFace",
            display_name="DDGI Live Face",
            category=DRAWING,
            description="Paint on the left, and the face on the right follows brush and words. Press Run once to load "
                        "the models; every later Run gives the full-quality face for the rest of the graph.",
            search_aliases=["paint", "realtime", "interactive", "draw", "portrait", "face", "character"],
            inputs=[
                io.Model.Input("model", tooltip="The diffusion model that the bridge was trained for."),
                io.Clip.Input("clip", tooltip="The text model of the same checkpoint."),
                Bridge.Input("bridge", tooltip="The bridge from the diffusion model to the generator."),
                Generator.Input("generator", tooltip="The generator that draws the face, 2D or 3D."),
                io.ControlNet.Input("control_net", optional=True,
                                    tooltip="Reads what you paint. Without one only the words count."),
                io.String.Input("prompt", default="a smiling woman with long red hair", multiline=True,
                                tooltip="The face in words; empty is a face."),
                io.Int.Input("seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF,
                             control_after_generate=io.ControlAfterGenerate.fixed,
                             tooltip="Where the noise comes from: it decides what drawing and words leave open."),
                io.Float.Input("strength", **_STRENGTHS, tooltip="How much the drawing counts."),
                io.Float.Input("yaw", default=0.0, min=-180.0, max=180.0, step=1.0,
                               tooltip="Turns a 3D head, in degrees; drag the face to turn it. 2D faces stay."),
                io.Float.Input("pitch", default=0.0, min=-90.0, max=90.0, step=1.0,
                               tooltip="Looks at a 3D head from above or below, in degrees."),
                io.Int.Input("steps", default=20, min=0, max=150,
                             tooltip="Sampling steps when you press Run, for the full quality; 0 takes the face as the "
                                     "brush has it."),
                io.Float.Input("cfg", default=2.0, min=0.0, max=100.0, step=0.1, advanced=True,
                               tooltip="How closely the sampling run follows the words; about 7 for Stable Diffusion."),
                *_painter(live=True),
            ],
            outputs=[
                Latent.Output(display_name="latent", tooltip="The face, to edit, mix, save and render again."),
                io.Image.Output(display_name="image", tooltip="The face as the generator draws it."),
                io.Image.Output(display_name="hint", tooltip="The drawing; black where nothing is painted."),
                io.Mask.Output(display_name="classes", tooltip="The part numbers of the drawing, divided by 255."),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, model, clip, bridge, generator, prompt, seed, strength, yaw, pitch, steps, cfg, kind, drawing,
                control_net=None) -> io.NodeOutput:
        import torch

        from ..host.live.painting import LiveFace as Face
        from ..host.live.painting import PaintRequest
        from ..host.live.sessions import SESSIONS

        painting = read_painting(drawing, kind)
        face = Face(model, clip, control_net, bridge, generator)
        request = PaintRequest(drawing=drawing, kind=kind, prompt=prompt, seed=seed, strength=strength, yaw=yaw,
                               pitch=pitch)
        latent, image = face.finished(request, steps, cfg)
        hint, classes = painting or (torch.zeros_like(image), torch.zeros(image.shape[:3], dtype=torch.uint8))
        return io.NodeOutput(latent, image, hint, image_from_bytes(classes), ui={"ddgi_live": [SESSIONS.open(face)]})


NODES = [PaintMask, LiveFace]
