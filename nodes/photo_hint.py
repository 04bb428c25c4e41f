"""The node that makes hints out of photographs."""

from pathlib import Path

import torch
from comfy.model_management import intermediate_device, throw_exception_if_processing_interrupted
from comfy.utils import ProgressBar
from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker
from einops import repeat

from ..ddgi.facemask import mask_to_hint
from ..ddgi.faces import MISSING, align, cut_faces, given_faces
from ..ddgi.pictures import image_from_bytes
from ..ddgi.scribble import LINES, draw_scribble
from ..host import folders
from ..host.managed import managed_parser
from ..host.node_text import say
from ..host.sockets import PHOTOS, FaceLandmarks
from ..host.sockets import Alignment as AlignmentType

_FIRST = "first file found"


class PhotoToHint(io.ComfyNode):
    """Align, then scribble, and a mask where a face parser is there."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DDGIPhotoToHint",
            display_name="DDGI Photo to Hint",
            category=PHOTOS,
            description="A photo of a face in, a scribble and a 19-part face mask out, as hints for ControlNets. The "
                        "face is cut out upright first. The mask needs a face parser's weights in models/ddgi/parsers.",
            search_aliases=["face parsing", "segmentation", "bisenet", "preprocessor", "portrait", "photo"],
            inputs=[
                io.Image.Input("image", tooltip="One photograph or several of one size."),
                io.Combo.Input("parser", options=[_FIRST, *folders.file_names(folders.PARSERS)], default=_FIRST,
                               tooltip="The weights of a BiSeNet face parser in models/ddgi/parsers, which draws the "
                                       "mask. Without any file there is a scribble only."),
                io.Int.Input("size", default=512, min=64, max=2048, step=8,
                             tooltip="The side of face, scribble and mask in pixels."),
                io.Float.Input("threshold", default=0.025, min=0.0, max=1.0, step=0.005,
                               tooltip="How strong a line of the face must be; more keeps only strong lines."),
                io.Float.Input("detail", default=1.0, min=0.25, max=8.0, step=0.25,
                               tooltip="How fine the lines are; more follows strands of hair."),
                io.Int.Input("thickness", default=2, min=1, max=32, tooltip="The width of the lines in pixels."),
                FaceLandmarks.Input("face_landmarks", optional=True,
                                    tooltip="The landmarks from Detect Face Landmarks (MediaPipe). Without landmarks "
                                            "and points the centre square is taken as the face."),
                io.String.Input("points", default="", multiline=True, optional=True,
                                tooltip="Points in the place of landmarks, as in DDGI Align Face: a JSON list of 5 "
                                        "points [x, y], eyes, nose tip and mouth corners."),
                io.Int.Input("face_index", default=0, min=-1, max=999, optional=True, advanced=True,
                             tooltip="Which face of each photograph, counted from 0; -1 takes all."),
                io.Combo.Input("missing", options=list(MISSING), default=MISSING[0], optional=True, advanced=True,
                               tooltip="What to do with a photograph without that face. Error: stop and say which. "
                                       "Skip: leave it out. Centre: take its centre square."),
            ],
            hidden=[io.Hidden.unique_id],
            outputs=[
                io.Image.Output(display_name="scribble", tooltip="Black lines on white paper, for a scribble "
                                                                 "ControlNet."),
                io.Image.Output(display_name="mask", tooltip="The face's parts in flat CelebAMask-HQ colours, for a "
                                                             "mask ControlNet; only with a parser."),
                io.Mask.Output(display_name="classes", tooltip="The part numbers as a MASK: the value times 255 is the "
                                                               "part, 0 to 18; only with a parser."),
                io.Image.Output(display_name="faces", tooltip="The upright square faces that were drawn."),
                AlignmentType.Output(display_name="alignment", tooltip="Where the faces were, for DDGI Paste Face and "
                                                                       "DDGI Face Camera."),
            ],
        )

    @classmethod
    def validate_inputs(cls, parser: str) -> bool | str:
        return True if parser == _FIRST else folders.check_file(folders.PARSERS, parser)

    @classmethod
    def fingerprint_inputs(cls, parser: str, **settings) -> tuple[str, float] | None:
        path = _parser_path(parser)
        return None if path is None else (str(path), path.stat().st_mtime)

    @classmethod
    def execute(cls, image: torch.Tensor, parser: str, size: int, threshold: float, detail: float, thickness: int,
                face_landmarks=None, points: str = "", face_index: int = 0, missing: str = MISSING[0]) -> io.NodeOutput:
        path, picture_size, said = _parser_path(parser), tuple(image.shape[1:3]), []
        found = given_faces(face_landmarks, points, len(image), picture_size)
        if found is None:
            said.append("No landmarks: the centre square is the face. Detect Face Landmarks (MediaPipe) finds it.")
            found, missing = [torch.zeros(0, 5, 2)] * len(image), "centre"
        alignment = align(found, picture_size, face_index, missing)
        faces = cut_faces(image, alignment, size)
        lines = draw_scribble(faces, LINES, threshold, detail, thickness)
        if path is None:
            said.append(f"There is no mask: {folders.what_is_missing(folders.PARSERS)}")
            hint = classes = ExecutionBlocker(said[-1])     # stops only what is connected to the two
        else:
            hint, classes = _masks(path, faces)
        say(cls, *said or [f"{len(faces)} face(s): scribble and mask."])
        return io.NodeOutput(repeat(lines, "n h w -> n h w c", c=3), hint, classes, faces, alignment)


def _parser_path(parser: str) -> Path | None:
    """The chosen parser's file; None where the first one was to be taken and there is none."""
    names = folders.file_names(folders.PARSERS) if parser == _FIRST else [parser]
    return folders.file_path(folders.PARSERS, names[0]) if names else None


def _masks(path: Path, faces: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Hint [N, S, S, 3] and part numbers [N, S, S] of 255 of faces [N, S, S, 3]."""
    managed, bar = managed_parser(path), ProgressBar(len(faces))

    def progress(done: int) -> None:
        throw_exception_if_processing_interrupted()
        bar.update_absolute(done, len(faces))

    classes = managed.load(managed.value.memory_estimate).parse(faces, progress)
    return mask_to_hint(classes).to(intermediate_device()), image_from_bytes(classes).to(intermediate_device())


NODES = [PhotoToHint]
