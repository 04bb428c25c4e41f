"""Drawings that come with the pack, so that the workflows run before the artist has drawn anything."""

from comfy_api.latest import io
from PIL import Image

from ..ddgi.errors import InputError
from ..ddgi.pictures import image_from_pil
from ..host.folders import EXAMPLES
from ..host.sockets import DRAWING


class ExampleDrawing(io.ComfyNode):
    """One of the PNGs in demo/examples as IMAGE."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIExampleDrawing",
            display_name="DDGI Example Drawing",
            category=DRAWING,
            description="Gives a face mask, scribble or picture that comes with this pack. Put Load Image in its place "
                        "to use your own.",
            search_aliases=["sample", "demo", "face mask", "portrait"],
            inputs=[io.Combo.Input("drawing", options=sorted(path.name for path in EXAMPLES.glob("*.png")),
                                   tooltip="The drawing. Masks are flat colours, one for each face part; scribbles are "
                                           "black lines on white, pictures are heads of the demo's world.")],
            outputs=[io.Image.Output(display_name="image", tooltip="The drawing, for DDGI Face Mask, a ControlNet or "
                                                                   "DDGI Project Image.")],
        )

    @classmethod
    def execute(cls, drawing: str) -> io.NodeOutput:
        path = EXAMPLES / drawing
        if path.parent != EXAMPLES or not path.is_file():
            raise InputError(f"There is no example drawing {drawing!r} in {EXAMPLES}; choose one of the list.")
        return io.NodeOutput(image_from_pil(Image.open(path)))


NODES = [ExampleDrawing]
