"""Faces in photographs: five points, FFHQ's square, cutting out, pasting back, parsing, and the head's camera."""

from .alignment import EVERY_FACE, MISSING, Alignment, align, centre_matrix, ffhq_matrix
from .landmarks import POINTS, faces_from_json, faces_from_mediapipe, five_points, given_faces
from .parsing import WEIGHTS, FaceParser, load_parser
from .pose import PROPORTIONS, cameras_from_points, rotations_from_points
from .warp import cut_faces, paste_faces

__all__ = ["EVERY_FACE", "MISSING", "POINTS", "PROPORTIONS", "WEIGHTS", "Alignment", "FaceParser", "align",
           "cameras_from_points", "centre_matrix", "cut_faces", "faces_from_json", "faces_from_mediapipe",
           "ffhq_matrix", "five_points", "given_faces", "load_parser", "paste_faces", "rotations_from_points"]
