"""2D generators: a latent to one picture."""

from abc import abstractmethod
from collections.abc import Sequence

import torch

from ..errors import InputError
from .generator import Generator, Progress, activation_bytes
from .latent import GanLatent
from .output import RenderOutput


class FlatGenerator(Generator):
    """Base of the 2D families: they say how a latent becomes a picture, and share the rest."""

    def __init__(self, config, module, **identity):
        if config.img_channels not in (1, 3, 4):
            raise InputError(f"The generator makes pictures of {config.img_channels} channels; 1 (grey), 3 (RGB) and 4 "
                             f"(RGB and alpha) are supported.")
        super().__init__(config, module, **identity)

    @abstractmethod
    def synthesise(self, ws: torch.Tensor, noise_mode: str, seed: int | Sequence[int] | None,
                   dtype: torch.dtype | None, **render_options) -> torch.Tensor:
        """ws [B, num_ws, w_dim] to pictures [B, img_channels, R, R]; seed None: fresh noise."""

    def memory_estimate(self, **render_options) -> int:
        return activation_bytes(self.config.largest_activation)

    def draw(self, ws: torch.Tensor, cameras: torch.Tensor | None = None, *, noise_mode: str = "const",
             dtype: torch.dtype | None = None) -> torch.Tensor:
        return _rgb(self.synthesise(ws, noise_mode, None, dtype))

    def render(self, ws: "torch.Tensor | GanLatent", cameras=None, noise_mode: str = "const",
               seed: int | Sequence[int] = 0, *, dtype: torch.dtype | None = None, relative: bool = False,
               progress: Progress | None = None, **render_options) -> RenderOutput:
        if cameras is not None:
            self.need_3d("takes no cameras")
        ws, seeds, dtype = self._render_inputs(ws, seed, dtype, relative)
        size = self.config.img_resolution
        pictures = torch.empty(len(ws), self.config.img_channels, size, size, device=ws.device)
        with torch.no_grad():
            for index in range(len(ws)):
                pictures[index] = self.synthesise(ws[index:index + 1], noise_mode, seeds[index], dtype,
                                                  **render_options)[0]
                if progress is not None:
                    progress(index + 1, len(ws))
        alpha = (pictures[:, 3:].clamp(-1, 1) + 1) / 2 if pictures.shape[1] == 4 else None
        return RenderOutput(_rgb(pictures), image_alpha=alpha)


def _rgb(pictures: torch.Tensor) -> torch.Tensor:
    """Pictures of 1, 3 or 4 channels as three: grey thrice, alpha left out."""
    return pictures.expand(-1, 3, -1, -1) if pictures.shape[1] == 1 else pictures[:, :3]
