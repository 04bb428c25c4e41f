"""Nodes that say where a head is seen from."""

from comfy_api.latest import io

from ..ddgi.cameras import (
    EASINGS,
    FOV,
    PATHS,
    PIVOT,
    RADIUS,
    Camera,
    camera_from_load3d,
    camera_to_load3d,
    orbit,
    viewer_angles,
    viewer_fit,
)
from ..host.sockets import HEADS, Cameras

_DIRECTION, _EXACT = "direction only", "exactly"
_PIVOT_TOOLTIP = ("The point in the middle of the picture; y is up, z points forward from the face. 0, 0, 0.2 keeps "
                  "the face there, as EG3D does; 0, 0, 0 keeps the whole head there, which is better for side views "
                  "and full turns.")


def _lens_inputs() -> list[io.Input]:
    """The settings that a single camera and an orbit share."""
    return [
        io.Float.Input("radius", default=RADIUS, min=0.0, max=20.0, step=0.05, round=0.001,
                       tooltip="Distance from the head's middle. Generators are trained near 2.7; other distances may "
                               "give empty pictures."),
        io.Float.Input("fov", default=round(FOV, 3), min=0.0, max=180.0, step=0.1, round=0.001,
                       tooltip="Field of view in degrees from the picture's top to its bottom; less zooms in. EG3D's "
                               "own is 13.373, which its scripts call 18.837, across the diagonal."),
        *(io.Float.Input(f"pivot_{axis}", default=value, min=-10.0, max=10.0, step=0.01, round=0.001, advanced=True,
                         tooltip=_PIVOT_TOOLTIP) for axis, value in zip("xyz", PIVOT)),
    ]


class CameraNode(io.ComfyNode):
    """Angles, or the camera of ComfyUI's 3D viewer, to a camera."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGICamera",
            display_name="DDGI Camera",
            category=HEADS,
            description="Makes a camera around the head, from angles or from a 3D viewer. Connect one camera to the "
                        "next to render several views.",
            search_aliases=["yaw", "pitch", "view", "pose", "3d", "eg3d"],
            inputs=[
                io.Float.Input("yaw", default=0.0, min=-180.0, max=180.0, step=1.0, round=0.01,
                               tooltip="Degrees around the head; a positive angle looks from the picture's right "
                                       "side."),
                io.Float.Input("pitch", default=0.0, min=-89.0, max=89.0, step=1.0, round=0.01,
                               tooltip="Degrees of height; a positive angle looks from above."),
                io.Float.Input("roll", default=0.0, min=-180.0, max=180.0, step=1.0, round=0.01,
                               tooltip="Degrees of tilt; a positive angle tilts the head clockwise in the picture."),
                *_lens_inputs(),
                Cameras.Input("cameras", optional=True, tooltip="Other cameras; this one is added after them."),
                io.Load3DCamera.Input("camera_info", optional=True,
                                      tooltip="The camera of Load 3D or another 3D viewer, which takes the place of "
                                              "the angles."),
                io.Load3DModelInfo.Input("model_3d_info", optional=True,
                                         tooltip="How the same viewer moved and scaled the head, so that this can be "
                                                 "undone."),
                io.Combo.Input("viewer_camera", options=[_DIRECTION, _EXACT], default=_DIRECTION, optional=True,
                               tooltip="What to take from camera_info. direction only: yaw, pitch and roll, with the "
                                       "radius, fov and pivot given here. exactly: position and field of view too; "
                                       "connect model_3d_info so that the units agree."),
            ],
            outputs=[Cameras.Output(display_name="cameras", tooltip="The cameras to connect to DDGI Render Face.")],
        )

    @classmethod
    def execute(cls, yaw: float, pitch: float, roll: float, radius: float, fov: float, pivot_x: float, pivot_y: float,
                pivot_z: float, cameras=None, camera_info=None, model_3d_info=None,
                viewer_camera: str = _DIRECTION) -> io.NodeOutput:
        if camera_info is not None and viewer_camera == _EXACT:
            camera = camera_from_load3d(camera_info, model_3d_info)
        else:
            if camera_info is not None:
                yaw, pitch, roll = viewer_angles(camera_info, model_3d_info)
            camera = Camera.from_angles(yaw, pitch, roll, radius, fov, (pivot_x, pivot_y, pivot_z))
        return io.NodeOutput(camera if cameras is None else Camera.join(cameras, camera))


class Orbit(io.ComfyNode):
    """A camera path for a video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIOrbit",
            display_name="DDGI Orbit",
            category=HEADS,
            description="Moves a camera along a path around the head, one view for each frame of a video. Send the "
                        "rendered pictures to Create Video.",
            search_aliases=["turntable", "camera path", "video", "3d", "eg3d"],
            inputs=[
                io.Int.Input("frames", default=48, min=1, max=4096, tooltip="The number of pictures."),
                io.Combo.Input("path", options=list(PATHS), default=PATHS[0],
                               tooltip="How the camera moves. circle: a small wobble. swing: right, left and back. "
                                       "nod: up, down and back. turn: once around. spiral: circles that open and close "
                                       "again."),
                io.Combo.Input("easing", options=list(EASINGS), default=EASINGS[0],
                               tooltip="How the speed changes; smooth is slow at the beginning and the end."),
                io.Boolean.Input("loop", default=True,
                                 tooltip="Leaves out the last frame where it repeats the first, so that the video "
                                         "loops without a stop."),
                io.Float.Input("yaw", default=0.0, min=-180.0, max=180.0, step=1.0, round=0.01,
                               tooltip="The middle of the path in degrees around the head; a turn begins there."),
                io.Float.Input("pitch", default=0.0, min=-89.0, max=89.0, step=1.0, round=0.01,
                               tooltip="The middle of the path in degrees of height."),
                io.Float.Input("yaw_range", default=20.0, min=-180.0, max=180.0, step=1.0, round=0.01,
                               tooltip="How many degrees the path goes to each side; nod and turn do not use it."),
                io.Float.Input("pitch_range", default=14.0, min=-89.0, max=89.0, step=1.0, round=0.01,
                               tooltip="How many degrees the path goes up and down; swing and turn do not use it."),
                io.Float.Input("turns", default=3.0, min=0.5, max=20.0, step=0.5, advanced=True,
                               tooltip="How many circles a spiral makes."),
                *_lens_inputs(),
            ],
            outputs=[Cameras.Output(display_name="cameras", tooltip="The cameras to connect to DDGI Render Face, which "
                                                                    "makes one picture from each.")],
        )

    @classmethod
    def execute(cls, frames: int, path: str, easing: str, loop: bool, yaw: float, pitch: float, yaw_range: float,
                pitch_range: float, turns: float, radius: float, fov: float, pivot_x: float, pivot_y: float,
                pivot_z: float) -> io.NodeOutput:
        return io.NodeOutput(orbit(frames, path, easing, loop=loop, yaw=yaw, pitch=pitch, yaw_range=yaw_range,
                                   pitch_range=pitch_range, turns=turns, radius=radius, fov=fov,
                                   pivot=(pivot_x, pivot_y, pivot_z)))


class CameraInfo(io.ComfyNode):
    """A camera for ComfyUI's 3D viewers."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGICameraInfo",
            display_name="DDGI Camera for 3D Viewer",
            category=HEADS,
            description="Gives a camera to Preview 3D and other nodes that take camera_info, so that the mesh is seen "
                        "as the rendered picture.",
            search_aliases=["load3d", "preview 3d", "camera_info"],
            inputs=[
                Cameras.Input("cameras", tooltip="The cameras from DDGI Camera or DDGI Orbit."),
                io.Int.Input("index", default=0, min=0, max=4095, tooltip="Which of the cameras to take, counted from "
                                                                          "0."),
                io.Mesh.Input("mesh", optional=True,
                              tooltip="The head that the viewer shows. Connect it only after the viewer's button Fit "
                                      "to Viewer, which moves and scales the head to its stage."),
                io.Load3DModelInfo.Input("model_3d_info", optional=True,
                                         tooltip="How the viewer placed the head; it takes the place of the mesh."),
            ],
            outputs=[io.Load3DCamera.Output(display_name="camera_info", tooltip="What to connect to Preview 3D.")],
        )

    @classmethod
    def execute(cls, cameras: Camera, index: int, mesh=None, model_3d_info=None) -> io.NodeOutput:
        if model_3d_info is None and mesh is not None:
            count = None if mesh.vertex_counts is None else int(mesh.vertex_counts[0])
            model_3d_info = viewer_fit(mesh.vertices[0, :count])
        return io.NodeOutput(camera_to_load3d(cameras, index, model_3d_info))


NODES = [CameraNode, Orbit, CameraInfo]
