"""Cameras as EG3D labels: poses, rays, orbits, and the exchange with ComfyUI's 3D viewer."""

from .camera import FOV, PIVOT, Camera
from .labels import (
    FOCAL,
    RADIUS,
    join_label,
    label_from_pose,
    local_rays,
    look_at_label,
    pose_from_forward,
    rays_from_label,
    split_label,
)
from .load3d import camera_from_load3d, camera_to_load3d, viewer_angles, viewer_fit
from .orbit import EASINGS, PATHS, orbit
from .rules import box_range, lens_faults, pose_faults
from .view import check_view

__all__ = ["EASINGS", "FOCAL", "FOV", "PATHS", "PIVOT", "RADIUS", "Camera", "box_range", "camera_from_load3d",
           "camera_to_load3d", "check_view", "join_label", "label_from_pose", "lens_faults", "local_rays",
           "look_at_label", "orbit", "pose_faults", "pose_from_forward", "rays_from_label", "split_label",
           "viewer_angles", "viewer_fit"]
