"""An EG3D generator as users see it: planes, views of any camera, density and colour of points."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import nn

from ...cameras import Camera, look_at_label
from ...errors import InputError
from ..generator import Generator
from ..latent import GanLatent
from ..output import RenderOutput
from .config import EG3DConfig
from .infer import check_tensors, drop_filters, infer_config
from .module import EG3D
from .rays import jitter, rays_per_chunk

FORMAT = "ddgi.eg3d"
MEMORY_MIB = 512.0


class EG3DGenerator(Generator):
    """A 3D generator with its identity; see `Generator` for what both kinds share."""

    format = FORMAT
    is_3d = True
    config: EG3DConfig
    module: EG3D

    @classmethod
    def from_state_dict(cls, tensors: dict[str, torch.Tensor], *, config: EG3DConfig | None = None,
                        name: str = "unnamed", provenance: dict | None = None, operations=nn) -> "EG3DGenerator":
        """Build from tensors under the public names (`backbone.*`, `decoder.*`, `superresolution.*`).

        Args:
            tensors: copied, converted to fp32.
            config: what tensors cannot tell (rays, plane axes, neural resolution, clamps); None assumes FFHQ's.
            operations: supplies the linear layer class.

        Raises:
            InputError: the tensors are no EG3D generator, incomplete, or do not fit the config.
        """
        config = config or infer_config(tensors)
        tensors = drop_filters(tensors)
        check_tensors(tensors, config)
        return cls._loaded(config, tensors, EG3D, operations, name=name, provenance=provenance)

    @property
    def w_avg(self) -> torch.Tensor:
        """Mean of w, [w_dim]."""
        return self.module.backbone.mapping.w_avg

    @property
    def frontal_camera(self) -> torch.Tensor:
        """Label [1, 25] of the camera in front of the average head."""
        zero = torch.zeros(1, device=self.w_avg.device)
        return look_at_label(zero, zero, self.config.rendering.avg_camera_radius)

    def map(self, z: torch.Tensor, c: torch.Tensor | None = None, truncation_psi: float = 1.0,
            truncation_cutoff: int | None = None) -> torch.Tensor:
        """z [B, z_dim] and a conditioning camera [B, 25] (None: the frontal one) to ws [B, num_ws, w_dim]."""
        if c is None and self.config.c_dim:
            c = self.frontal_camera.expand(len(z), -1)
        return super().map(z, c, truncation_psi, truncation_cutoff)

    @torch.no_grad()
    def planes(self, ws: torch.Tensor, noise_mode: str = "const", seed: int | Sequence[int] = 0,
               dtype: torch.dtype | None = None) -> torch.Tensor:
        """Tri-planes [B, 3, C, P, P] of ws [B, num_ws, w_dim]: compute them once, then render any number of views."""
        return self.module.planes(ws.to(self.w_avg.device), noise_mode, seed, dtype)

    @torch.no_grad()
    def render_planes(self, planes: torch.Tensor, ws: torch.Tensor, cameras: Camera | torch.Tensor, *,
                      deterministic: bool = True, seed: int = 0, neural_rendering_resolution: int | None = None,
                      memory_mib: float = MEMORY_MIB, dtype: torch.dtype | None = None,
                      progress: Callable[[int, int], None] | None = None) -> RenderOutput:
        """Views of heads whose planes are known: B heads x V cameras give B * V pictures, head by head.

        Args:
            planes: [B, 3, C, P, P]. ws: [B, num_ws, w_dim], the latents they were made from.
            cameras: Camera or labels [V, 25].
            deterministic: False jitters the samples along each ray, seeded: view v of every head draws from seed + v.
            neural_rendering_resolution: rays per side; None is the file's own.
            memory_mib: bound on the temporaries of ray rendering; smaller is only slower.
            progress: called with (done, total) after each view; it may raise to stop.

        Raises:
            InputError: bad cameras, resolution or memory.
        """
        size = neural_rendering_resolution or self.config.neural_rendering_resolution
        if not 4 <= size <= 1024:
            raise InputError(f"A neural rendering resolution of {size} was given; use 4 to 1024, "
                             f"or 0 for the file's own.")
        if not memory_mib > 0:
            raise InputError(f"A memory limit of {memory_mib} MiB was given; it must be above 0.")
        labels, rendering = Camera.of(cameras).label.to(planes), self.config.rendering
        chunk, total = rays_per_chunk(rendering, memory_mib), len(ws) * len(labels)
        views = []
        for head in range(len(ws)):
            for view in range(len(labels)):
                noise = None if deterministic else jitter(size * size, rendering, seed + view)
                views.append(self.module.view(planes[head:head + 1], ws[head:head + 1].to(planes),
                                              labels[view:view + 1], size, noise, chunk, dtype))
                if progress is not None:
                    progress(len(views), total)
        return join(views)

    def render(self, ws: "torch.Tensor | GanLatent", cameras: Camera | torch.Tensor | None = None,
               noise_mode: str = "const", seed: int | Sequence[int] = 0, *, dtype: torch.dtype | None = None,
               relative: bool = False, progress: Callable[[int, int], None] | None = None, deterministic: bool = True,
               neural_rendering_resolution: int | None = None, memory_mib: float = MEMORY_MIB) -> RenderOutput:
        """Views of latents: B latents x V cameras give B * V pictures, latent by latent; planes once per latent.

        Args:
            ws: [B, num_ws, w_dim] or a latent of this generator (or of a `relative`).
            cameras: Camera or labels [V, 25]; None: the latent's own camera for each, else the frontal one.
            noise_mode, seed: of the planes' noise; also of the jitter when not `deterministic`.
            others: as in `render_planes`.

        Raises:
            InputError: another generator's latent, a wrong shape, bad cameras, an unknown mode or dtype.
        """
        own = ws.camera if isinstance(ws, GanLatent) else None
        ws, seeds, dtype = self._render_inputs(ws, seed, dtype, relative)
        if cameras is None:
            each = (self.frontal_camera if own is None else own).expand(len(ws), -1)[:, None]
        else:
            each = Camera.of(cameras).label[None].expand(len(ws), -1, -1)
        done, total, parts = 0, len(ws) * each.shape[1], []
        for index in range(len(ws)):
            tell = None if progress is None else lambda view, _, first=done: progress(first + view, total)
            head = ws[index:index + 1]
            planes = self.planes(head, noise_mode, seeds[index], dtype)
            parts.append(self.render_planes(planes, head, each[index], deterministic=deterministic, seed=seeds[index],
                                            neural_rendering_resolution=neural_rendering_resolution,
                                            memory_mib=memory_mib, dtype=dtype, progress=tell))
            done += each.shape[1]
        return join(parts)

    @torch.no_grad()
    def query(self, planes: torch.Tensor, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Density [B, M] (after its softplus) and colours [B, 3, M] in 0..1 at points [B, M, 3] in world units."""
        density, colours = self.module.field(planes)(points.to(planes))
        return F.softplus(density - 1), colours[:, :3].clamp(0, 1)


def join(outputs: Sequence[RenderOutput]) -> RenderOutput:
    """One output of several."""
    return RenderOutput(*(torch.cat([getattr(out, name) for out in outputs])
                          for name in ("image", "image_raw", "image_depth", "image_alpha")))
