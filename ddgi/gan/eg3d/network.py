"""EG3D: StyleGAN2 planes, volume rendering, super-resolution (Chan et al. 2022), under the public parameter names."""

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import nn

from ...cameras import rays_from_label
from ..output import RenderOutput
from ..stylegan2.network import StyleGAN2
from .config import EG3DConfig
from .decoder import OSGDecoder
from .planes import PlaneTable, mean_features
from .rays import Field, render_rays
from .superresolution import SuperResolution


class EG3D(nn.Module):
    """Generator module with `.backbone`, `.decoder` and `.superresolution`; `operations` supplies linear layers."""

    def __init__(self, config: EG3DConfig, operations=nn):
        super().__init__()
        self.config = config
        self.backbone = StyleGAN2(config.backbone, operations)
        self.decoder = OSGDecoder(config.feature_channels, config.decoder_width, operations)
        self.superresolution = SuperResolution(config, operations)

    def mapping(self, z: torch.Tensor, c: torch.Tensor | None = None, truncation_psi: float = 1.0,
                truncation_cutoff: int | None = None) -> torch.Tensor:
        """z [B, z_dim] and the conditioning camera's label c [B, 25] to ws [B, num_ws, w_dim].

        The conditioning camera is no view: it tells which poses go with which faces in the training set. Keep it
        fixed while the render camera moves, or the identity drifts.
        """
        rendering = self.config.rendering
        if c is not None:
            c = torch.zeros_like(c) if rendering.c_gen_conditioning_zero else c * rendering.c_scale
        return self.backbone.mapping(z, c, truncation_psi, truncation_cutoff)

    def planes(self, ws: torch.Tensor, noise_mode: str = "const", seed: int | Sequence[int] | None = None,
               dtype: torch.dtype | None = None) -> torch.Tensor:
        """ws [B, num_ws, w_dim] to tri-planes [B, 3, C, P, P]; they serve every view of a head."""
        planes = self.backbone.synthesis(ws, noise_mode, seed, dtype=dtype)
        return rearrange(planes, "b (plane c) h w -> b plane c h w", plane=3)

    def field(self, planes: torch.Tensor) -> Field:
        """The volume of planes [B, 3, C, P, P]: points [B, M, 3] to (raw density [B, M], colours [B, C, M])."""
        box_warp, axes = self.config.rendering.box_warp, self.config.rendering.plane_axes
        if torch.is_grad_enabled() or planes.device.type != "cpu" or planes.dtype != torch.float32:
            return lambda points: self.decoder(mean_features(planes, points, box_warp, axes))
        tables = [PlaneTable(head, box_warp, axes) for head in planes]

        def look(points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            heads = [self.decoder.read_rows(table(part)) for table, part in zip(tables, points)]
            density, colours = (torch.stack(parts) for parts in zip(*heads))
            return density, colours.mT

        return look

    def rays(self, planes: torch.Tensor, labels: torch.Tensor, size: int,
             noise: tuple[torch.Tensor, torch.Tensor] | None = None, chunk: int | None = None,
             field: Field | None = None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What `size` x `size` rays of each head's camera see; arguments as in `view`.

        Returns:
            Feature [B, C, size, size] in [-1, 1], depth and coverage [B, 1, size, size].
        """
        origins, directions = rays_from_label(labels.to(planes), size)
        origins = origins[:, None].expand_as(directions)
        feature, depth, alpha = render_rays(field or self.field(planes), origins, directions, self.config.rendering,
                                            noise, chunk)
        depth, alpha = (rearrange(value, "b (h w) -> b 1 h w", h=size) for value in (depth, alpha))
        return rearrange(feature, "b c (h w) -> b c h w", h=size), depth, alpha

    def view(self, planes: torch.Tensor, ws: torch.Tensor, labels: torch.Tensor, resolution: int | None = None,
             noise: tuple[torch.Tensor, torch.Tensor] | None = None, chunk: int | None = None,
             dtype: torch.dtype | None = None, field: Field | None = None) -> RenderOutput:
        """One view of each head.

        Args:
            planes: [B, 3, C, P, P] of `planes`. ws: [B, num_ws, w_dim]; super-resolution reads the last.
            labels: [B, 25], the render cameras.
            resolution: rays per side; None is the config's.
            noise: uniforms of `rays.jitter`; None is deterministic.
            chunk: rays per pass, to bound memory; None takes all at once.
            dtype: of the super-resolution.
            field: that of the planes, for many views of them; None makes it.
        """
        size = resolution or self.config.neural_rendering_resolution
        feature, depth, alpha = self.rays(planes, labels, size, noise, chunk, field)
        image = self.superresolution(feature, ws, dtype=dtype)
        return RenderOutput(image, feature[:, :3].contiguous(), depth, alpha, labels)
