"""Nodes that cut faces out of photographs as generators expect them, put them back, and read their cameras."""

import torch
from comfy_api.latest import io

from ..ddgi.cameras import FOV, RADIUS
from ..ddgi.errors import InputError
from ..ddgi.faces import (
    EVERY_FACE,
    MISSING,
    PROPORTIONS,
    Alignment,
    align,
    cameras_from_points,
    cut_faces,
    given_faces,
    paste_faces,
)
from ..host.sockets import PHOTOS, Cameras, FaceLandmarks
from ..host.sockets import Alignment as AlignmentType


class AlignFace(io.ComfyNode):
    """Photographs to upright square faces."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIAlignFace",
            display_name="DDGI Align Face",
            category=PHOTOS,
            description="Cuts faces out of photographs, upright and in FFHQ's frame, which face generators expect. "
                        "Connect Detect Face Landmarks (MediaPipe), or give points as text.",
            search_aliases=["ffhq", "crop face", "face alignment", "portrait", "edit"],
            inputs=[
                io.Image.Input("image", tooltip="The photograph, or several of one size."),
                io.Int.Input("size", default=512, min=16, max=4096, step=8,
                             tooltip="The side of the face pictures in pixels."),
                io.Int.Input("face_index", default=0, min=EVERY_FACE, max=999,
                             tooltip="Which face of each photograph to take, counted from 0 in the detector's order; "
                                     "-1 takes all."),
                io.Combo.Input("missing", options=list(MISSING), default=MISSING[0],
                               tooltip="What happens to a photograph without that face. error: the node stops and says "
                                       "which. skip: it is left out. centre: its centre square is taken."),
                io.Float.Input("scale", default=1.0, min=0.25, max=4.0, step=0.05, advanced=True,
                               tooltip="How much is cut out around the face; 1 is FFHQ's square, less comes closer."),
                FaceLandmarks.Input("face_landmarks", optional=True,
                                    tooltip="The landmarks that Detect Face Landmarks (MediaPipe) found in the same "
                                            "photographs."),
                io.String.Input("points", default="", multiline=True, optional=True,
                                tooltip="Points in the place of landmarks, as JSON. A face is a list of 5 points [x, "
                                        "y] (eyes, nose tip, mouth corners; left first), or of the 68, 468 or 478 "
                                        "points of a detector, in pixels or in 0 to 1 of the picture. Give one face, "
                                        "a list of faces, or such a list for each photograph."),
            ],
            outputs=[
                io.Image.Output(display_name="faces", tooltip="The faces, square and upright."),
                AlignmentType.Output(display_name="alignment", tooltip="Where the faces were, for DDGI Paste Face and "
                                                                       "DDGI Face Camera."),
                io.Int.Output(display_name="count", tooltip="The number of faces."),
            ],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, size: int, face_index: int, missing: str, scale: float, face_landmarks=None,
                points: str = "") -> io.NodeOutput:
        picture_size = tuple(image.shape[1:3])
        faces = given_faces(face_landmarks, points, len(image), picture_size)
        if faces is None:
            raise InputError("No face landmarks and no points are given to DDGI Align Face; connect Detect Face "
                             "Landmarks (MediaPipe), or else write five points of the face.")
        alignment = align(faces, picture_size, face_index, missing, scale)
        return io.NodeOutput(cut_faces(image, alignment, size), alignment, len(alignment))


class PasteFace(io.ComfyNode):
    """Edited faces back into their photographs."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIPasteFace",
            display_name="DDGI Paste Face",
            category=PHOTOS,
            description="Puts edited faces back where DDGI Align Face cut them out, with soft borders.",
            search_aliases=["ffhq", "uncrop", "paste back", "composite", "edit"],
            inputs=[
                io.Image.Input("image", tooltip="The photographs that the faces were cut from; larger or smaller "
                                                "copies will do."),
                io.Image.Input("faces", tooltip="The edited faces: squares of any size, as many as were cut out."),
                AlignmentType.Input("alignment", tooltip="The alignment from DDGI Align Face."),
                io.Float.Input("feather", default=0.1, min=0.0, max=0.5, step=0.01,
                               tooltip="The share of the square over which the face fades in from each side."),
                io.Mask.Input("mask", optional=True,
                              tooltip="Which part of the face picture to take, for example from face parsing. Give one "
                                      "mask for each face, or one for all."),
            ],
            outputs=[io.Image.Output(display_name="image", tooltip="The photographs with the new faces.")],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, faces: torch.Tensor, alignment: Alignment, feather: float,
                mask: torch.Tensor | None = None) -> io.NodeOutput:
        return io.NodeOutput(paste_faces(image, faces, alignment, feather, mask))


class FaceCamera(io.ComfyNode):
    """The pose of heads in photographs, as cameras."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIFaceCamera",
            display_name="DDGI Face Camera",
            category=PHOTOS,
            description="Finds the cameras that see an EG3D head as the aligned faces show it, from eyes, nose and "
                        "mouth, usually within about 10 degrees.",
            search_aliases=["head pose", "yaw", "3d", "eg3d", "face angle"],
            inputs=[
                AlignmentType.Input("alignment", tooltip="The alignment from DDGI Align Face. A centre square, taken "
                                                         "where no face was found, gives the front."),
                io.Combo.Input("proportions", options=list(PROPORTIONS), default=next(iter(PROPORTIONS)),
                               tooltip="Whose mean face to compare with: that of people in photographs, or that of the "
                                       "demo models' characters."),
                io.Float.Input("radius", default=RADIUS, min=0.0, max=20.0, step=0.05, round=0.001, advanced=True,
                               tooltip="Distance from the head's middle. Generators are trained near 2.7."),
                io.Float.Input("fov", default=round(FOV, 3), min=0.0, max=180.0, step=0.1, round=0.001, advanced=True,
                               tooltip="Field of view in degrees from the picture's top to its bottom; EG3D's own is "
                                       "13.373."),
            ],
            outputs=[Cameras.Output(display_name="cameras", tooltip="One camera for each face, for DDGI Render Face.")],
        )

    @classmethod
    def execute(cls, alignment: Alignment, proportions: str, radius: float, fov: float) -> io.NodeOutput:
        return io.NodeOutput(cameras_from_points(alignment.points, proportions, radius, fov))


NODES = [AlignFace, PasteFace, FaceCamera]
