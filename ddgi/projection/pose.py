"""Cameras that can be searched by gradients."""

import torch

from ..cameras import Camera, pose_from_forward
from ..gan import GanLatent
from ..gan.volume import VolumeGenerator

_FASTER = 0.2       # radians that count as much as one standard deviation of w


class Pose:
    """Yaw and pitch of each picture's camera; distance, lens and the point it looks at stay.

    Args:
        camera: where the search begins. pivot: [3], the point that the generator's own cameras look at.
    """

    def __init__(self, camera: Camera, pivot: torch.Tensor, device: torch.device):
        label = camera.label.to(device)
        self.intrinsics, self.radius = label[:, 16:], camera.radius.to(device)[:, None]
        forward, position = camera.forward.to(device), camera.position.to(device)
        along = ((pivot.to(position) - position) * forward).sum(1, keepdim=True)
        self.pivot = position + along * forward             # the point of the viewing ray nearest to it
        angles = torch.stack([camera.yaw, camera.pitch], 1).deg2rad().to(device)
        self.angles = (angles / _FASTER).detach().clone().requires_grad_(True)

    @classmethod
    def of(cls, generator: VolumeGenerator, start: GanLatent, chosen: slice) -> "Pose":
        """From the latents' own cameras, or the front."""
        labels = generator.camera().label.expand(len(start.ws), -1) if start.camera is None else start.camera
        return cls(Camera(labels[chosen]), torch.tensor(generator.pivot), generator.w_avg.device)

    def parameters(self) -> list[torch.Tensor]:
        return [self.angles]

    def labels(self) -> torch.Tensor:
        """[B, 25], with gradients for the angles."""
        yaw, pitch = (self.angles * _FASTER).unbind(1)
        outward = torch.stack([yaw.sin() * pitch.cos(), pitch.sin(), yaw.cos() * pitch.cos()], 1)
        position = outward * self.radius
        return torch.cat([pose_from_forward(self.pivot - position, position).flatten(1), self.intrinsics], 1)
