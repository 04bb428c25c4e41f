"""Heads as density volumes and triangle meshes."""

from .heads import HeadMesh, head_meshes, head_voxels, linear_light
from .surface import largest_piece, surface_nets, vertex_normals
from .volume import density_grid, occupancy

__all__ = ["HeadMesh", "density_grid", "head_meshes", "head_voxels", "largest_piece", "linear_light", "occupancy",
           "surface_nets", "vertex_normals"]
