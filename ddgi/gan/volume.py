"""3D generators: a latent to a volume that is seen from any camera."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

import torch

from ..cameras import Camera
from .generator import Generator


class Lattice(Protocol):
    """The density of one head on a lattice of points, row by row."""

    def rows(self, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Density [rows, R] (after its softplus) along x at lattice indices z and y [rows]."""


class VolumeGenerator(Generator):
    """Base of the 3D families: what cameras, volumes and meshes need of them.

    Attributes:
        box_warp: side of the cube around the origin that holds the head, in world units.
        pivot: the point that the generator's own cameras look at, in world units.
        bytes_per_point: of the temporaries of one point of `query` or `lattice`.
    """

    is_3d = True
    box_warp: float
    pivot: tuple[float, float, float]
    bytes_per_point: int

    @abstractmethod
    def camera(self, yaw: float = 0.0, pitch: float = 0.0) -> Camera:
        """A camera on the generator's own sphere; without angles the one in front of the average head."""

    @abstractmethod
    def planes(self, ws: torch.Tensor, noise_mode: str = "const", seed: int | Sequence[int] = 0,
               dtype: torch.dtype | None = None) -> torch.Tensor:
        """The volumes of ws [B, num_ws, w_dim], one entry a head: compute them once for any number of views."""

    @abstractmethod
    def query(self, planes: torch.Tensor, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Density [B, M] (after its softplus) and colours [B, 3, M] in 0..1 at points [B, M, 3] in world units."""

    @abstractmethod
    def lattice(self, planes: torch.Tensor, centres: torch.Tensor) -> Lattice:
        """The density of one head on the lattice of `centres` [R] along each axis, in world units."""
