"""The frozen generator as the trainer sees it."""

import torch
from torch import autocast

from ..errors import InputError
from ..gan import Generator
from ..seeds import seeded

STATISTICS_DRAWS, STATISTICS_SEED = 4096, 0


class LatentSpace:
    """Pictures of latents with gradients for the latents, and how far latents lie apart.

    Attributes:
        generator: none of its weights takes a gradient.
        w_avg: [w_dim], the mean latent. w_std: [w_dim], spread of the generator's own latents.
        size: side of its pictures.
    """

    def __init__(self, generator: Generator):
        self.generator = generator.requires_grad_(False).eval()
        self.size, self.num_ws = generator.config.img_resolution, generator.config.num_ws
        self.w_avg = generator.w_avg.detach().float().clone()
        z = torch.randn(STATISTICS_DRAWS, generator.config.z_dim,
                        generator=seeded(STATISTICS_SEED))
        with torch.no_grad():
            drawn = generator.map(z.to(self.w_avg.device))[:, 0]
        self.w_std = drawn.std(0).clamp_min(1e-3)

    @property
    def device(self) -> torch.device:
        return self.w_avg.device

    def draw(self, ws: torch.Tensor, camera: torch.Tensor | None) -> torch.Tensor:
        """ws [B, num_ws, w_dim] and labels [B, 25] (None: from the front) to pictures [B, 3, R, R] in about -1..1.

        Under autocast the generator runs as it does for users in that dtype: half precision where it is safe, in the
        highest resolutions. Autocast itself would sum squared styles in fp16, which overflows.
        """
        kind = self.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        with autocast(kind, enabled=False):
            return self.generator.draw(ws.float(), camera, dtype=dtype)

    def distance(self, ws: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """Mean squared difference [B] of latents [B, num_ws, w_dim], in units of their spread."""
        return ((ws - others) / self.w_std).square().mean((1, 2))

    def known(self, w: torch.Tensor) -> torch.Tensor:
        """A sample's known latent as [num_ws, w_dim]; one row stands for all.

        Raises:
            InputError: it is another generator's.
        """
        w = w if w.ndim == 2 else w[None]
        if w.shape[1] != len(self.w_avg) or w.shape[0] not in (1, self.num_ws):
            raise InputError(f"The data knows latents of shape {tuple(w.shape)}, but the generator "
                             f"{self.generator.name!r} has [{self.num_ws}, {len(self.w_avg)}]; train with the "
                             f"generator that the data was made with.")
        return w.expand(self.num_ws, -1)
