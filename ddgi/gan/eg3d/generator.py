"""EG3D as a generator family: planes, views of any camera, density and colour of points."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from ...cameras import Camera, check_view
from ...errors import InputError
from ..foreign import ForeignModule
from ..generator import Progress, activation_bytes
from ..latent import GanLatent
from ..options import Option
from ..output import RenderOutput
from ..stylegan2.generator import backbone_facts, block_resolution
from ..stylegan2.infer import drop_filters, with_noise
from ..styles import StyleLayer
from ..tensors import Tensors
from ..volume import VolumeGenerator
from .config import EG3DConfig, RenderingConfig
from .foreign import decoder_gain, eg3d_options, trained_with_noise
from .infer import LABEL, infer_config, owns
from .planes import PLANE_AXES

if TYPE_CHECKING:
    from .lattice import Lattice
    from .network import EG3D

MEMORY_MIB = 512
BYTES_PER_CHANNEL = 12      # of the temporaries of one point, for each channel that exists at some time
ASSUMED = "rays, box, clamps and neural resolution of EG3D-FFHQ"


class EG3DGenerator(VolumeGenerator):
    """A 3D generator (Chan et al. 2022); see `Generator` for what all families share."""

    family = "eg3d"
    label = LABEL
    config_type = EG3DConfig
    config: EG3DConfig
    module: "EG3D"
    read_options = (
        Option("plane_axes", "from the file", "The order of an EG3D generator's planes. Forks differ and some do not "
               "say which they use; try the others where a head looks torn.",
               choices=("from the file", *PLANE_AXES)),)
    render_options = (
        Option("neural_rendering_resolution", 0, "How many rays EG3D sends along each side of a picture. More is "
               "slower, with finer depth and normals; 0 is what the file was trained for.", low=0, high=1024, step=8),
        Option("memory_mib", MEMORY_MIB, "Memory in MiB that EG3D's rays may take for temporary values. Less is "
               "slower, with the same picture.", low=16, high=65536, step=16))

    owns = staticmethod(owns)
    infer = staticmethod(infer_config)
    cleaned = staticmethod(drop_filters)

    @staticmethod
    def network(config: EG3DConfig, operations=nn) -> "EG3D":
        from .network import EG3D

        return EG3D(config, operations)

    @classmethod
    def adopt(cls, tensors: Tensors, network: ForeignModule | None,
              plane_axes: str | None = None) -> tuple[Tensors, EG3DConfig, dict]:
        """Tensors without settings get those of the released FFHQ weights, and their notes say so."""
        tensors, notes = with_noise(tensors)
        if network is None:
            rendering = RenderingConfig(**({} if plane_axes is None else {"plane_axes": plane_axes}))
            assumed = ASSUMED + (", plane axes" if plane_axes is None else "")
            return tensors, infer_config(tensors, rendering=rendering), notes | {"assumed": assumed}
        config = infer_config(tensors, **eg3d_options(network, plane_axes))
        if (gain := decoder_gain(network)) != 1:
            tensors = {key: value.float() * gain if key.startswith("decoder.") else value
                       for key, value in tensors.items()}
        if trained_with_noise(network):
            notes["super_resolution"] = "trained with noise, rendered without"
        return tensors, config, notes

    @classmethod
    def configured(cls, config: EG3DConfig, plane_axes: str | None = None) -> EG3DConfig:
        if plane_axes is None:
            return config
        return dataclasses.replace(config, rendering=dataclasses.replace(config.rendering, plane_axes=plane_axes))

    @property
    def w_avg(self) -> torch.Tensor:
        """Mean of w, [w_dim]."""
        return self.module.backbone.mapping.w_avg

    @property
    def box_warp(self) -> float:
        return self.config.rendering.box_warp

    @property
    def pivot(self) -> tuple[float, float, float]:
        return self.config.rendering.avg_camera_pivot

    @property
    def bytes_per_point(self) -> int:
        return BYTES_PER_CHANNEL * (2 * self.config.feature_channels + self.config.decoder_width)

    def style_layers(self) -> list[StyleLayer]:
        upscaler = self.module.superresolution
        last = self.config.num_ws - 1
        layers = (("conv0", False), ("conv1", False), ("torgb", True))
        return self.module.backbone.synthesis.style_layers() + [
            StyleLayer(last, getattr(block, name).affine, is_rgb)
            for block in (upscaler.block0, upscaler.block1) for name, is_rgb in layers]

    def resolution_of(self, name: str) -> int | None:
        """That of the planes for the backbone's blocks and the decoder; super-resolution comes last."""
        if name.startswith("superresolution."):
            return max(self.config.img_resolution, self.config.backbone.img_resolution)
        return self.config.backbone.img_resolution if name.startswith("decoder.") else block_resolution(name)

    def _own_facts(self) -> dict:
        config = self.config
        return backbone_facts(config.backbone) | {
            "architecture": self.family, "plane_resolution": config.backbone.img_resolution,
            "plane_channels": config.feature_channels,
            "neural_rendering_resolution": config.neural_rendering_resolution,
            "super_resolution": {"kind": config.sr_kind, "input_resolution": config.sr_input_resolution,
                                 "channels": list(config.sr_channels), "antialias": config.sr_antialias,
                                 "conv_clamp": config.sr_conv_clamp},
            "rendering": dataclasses.asdict(config.rendering)}

    def memory_estimate(self, memory_mib: float = MEMORY_MIB, **render_options) -> int:
        config = self.config
        half = config.img_resolution // 2
        largest = max(config.backbone.largest_activation, config.sr_channels[0] * half * half,
                      config.sr_channels[1] * config.img_resolution ** 2)
        return activation_bytes(largest) + int(memory_mib * 2**20)

    def map(self, z: torch.Tensor, c: torch.Tensor | None = None, truncation_psi: float = 1.0,
            truncation_cutoff: int | None = None) -> torch.Tensor:
        """z [B, z_dim] and a conditioning camera [B, 25] (None: the frontal one) to ws [B, num_ws, w_dim]."""
        if c is None:
            c = self.camera().label.expand(len(z), -1)
        return super().map(z, c, truncation_psi, truncation_cutoff)

    def random_label(self, rng: torch.Generator) -> None:
        """None: the mapping network sees the frontal camera."""

    def camera(self, yaw: float = 0.0, pitch: float = 0.0) -> Camera:
        rendering = self.config.rendering
        return Camera.from_angles(yaw, pitch, radius=rendering.avg_camera_radius, pivot=rendering.avg_camera_pivot)

    @torch.no_grad()
    def planes(self, ws: torch.Tensor, noise_mode: str = "const", seed: int | Sequence[int] = 0,
               dtype: torch.dtype | None = None) -> torch.Tensor:
        """Tri-planes [B, 3, C, P, P] of ws [B, num_ws, w_dim]: compute them once, then render any number of views."""
        return self.module.planes(ws.to(self.w_avg.device), noise_mode, seed, dtype)

    def draw(self, ws: torch.Tensor, cameras: torch.Tensor | None = None, *, noise_mode: str = "const",
             dtype: torch.dtype | None = None) -> torch.Tensor:
        labels = self.camera().label.expand(len(ws), -1) if cameras is None else cameras
        planes = self.module.planes(ws, noise_mode, dtype=dtype)
        return self.module.view(planes, ws, labels.to(ws), dtype=dtype).image

    @torch.no_grad()
    def render_planes(self, planes: torch.Tensor, ws: torch.Tensor, cameras: Camera | torch.Tensor, *,
                      deterministic: bool = True, seed: int = 0, neural_rendering_resolution: int | None = None,
                      memory_mib: float = MEMORY_MIB, dtype: torch.dtype | None = None,
                      progress: Progress | None = None) -> RenderOutput:
        """Views of heads whose planes are known: B heads x V cameras give B * V pictures, head by head.

        Args:
            planes: [B, 3, C, P, P]. ws: [B, num_ws, w_dim], the latents they were made from.
            cameras: Camera or labels [V, 25].
            deterministic: False jitters the samples along each ray, seeded: view v of every head draws from seed + v.
            neural_rendering_resolution: rays per side; None or 0 is the file's own.
            memory_mib: bound on the temporaries of ray rendering; smaller is only slower.
            progress: called with (done, total) after each view; it may raise to stop.

        Raises:
            InputError: bad cameras, resolution or memory.
        """
        from .rays import jitter, rays_per_chunk

        size = neural_rendering_resolution or self.config.neural_rendering_resolution
        if not 4 <= size <= 1024:
            raise InputError(f"A neural rendering resolution of {size} was given; use 4 to 1024, "
                             f"or 0 for the file's own.")
        if not memory_mib > 0:
            raise InputError(f"A memory limit of {memory_mib} MiB was given; it must be above 0.")
        labels, rendering = Camera.of(cameras).label.to(planes), self.config.rendering
        chunk, total = rays_per_chunk(rendering, memory_mib, planes.device), len(ws) * len(labels)
        views = []
        for head in range(len(ws)):
            own = planes[head:head + 1]
            field = self.module.field(own)
            for view in range(len(labels)):
                noise = None if deterministic else jitter(size * size, rendering, seed + view)
                views.append(self.module.view(own, ws[head:head + 1].to(planes), labels[view:view + 1], size, noise,
                                              chunk, dtype, field))
                if progress is not None:
                    progress(len(views), total)
        return RenderOutput.join(views)

    def render(self, ws: "torch.Tensor | GanLatent", cameras: Camera | torch.Tensor | None = None,
               noise_mode: str = "const", seed: int | Sequence[int] = 0, *, dtype: torch.dtype | None = None,
               relative: bool = False, progress: Progress | None = None, deterministic: bool = True,
               neural_rendering_resolution: int | None = None, memory_mib: float = MEMORY_MIB) -> RenderOutput:
        """As `Generator.render`; planes once per latent, and further arguments as in `render_planes`.

        `seed` is also that of the jitter when not `deterministic`.
        """
        own = ws.camera if isinstance(ws, GanLatent) else None
        ws, seeds, dtype = self._render_inputs(ws, seed, dtype, relative)
        each = self._views(len(ws), own, cameras)
        done, total, parts = 0, len(ws) * each.shape[1], []
        for index in range(len(ws)):
            tell = None if progress is None else lambda view, _, first=done: progress(first + view, total)
            head = ws[index:index + 1]
            planes = self.planes(head, noise_mode, seeds[index], dtype)
            parts.append(self.render_planes(planes, head, each[index], deterministic=deterministic, seed=seeds[index],
                                            neural_rendering_resolution=neural_rendering_resolution,
                                            memory_mib=memory_mib, dtype=dtype, progress=tell))
            done += each.shape[1]
        return RenderOutput.join(parts)

    def _views(self, count: int, own: torch.Tensor | None, cameras: Camera | torch.Tensor | None) -> torch.Tensor:
        """Labels [count, V, 25] of all pictures, checked to show the head."""
        camera = Camera.of((self.camera().label if own is None else own) if cameras is None else cameras)
        rendering = self.config.rendering
        check_view(camera, rendering.box_warp, (rendering.ray_start, rendering.ray_end))
        if cameras is None:
            return camera.label.expand(count, -1)[:, None]
        return camera.label[None].expand(count, -1, -1)

    @torch.no_grad()
    def query(self, planes: torch.Tensor, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        density, colours = self.module.field(planes)(points.to(planes))
        return F.softplus(density - 1), colours[:, :3].clamp(0, 1)

    def lattice(self, planes: torch.Tensor, centres: torch.Tensor) -> "Lattice":
        from .lattice import Lattice

        return Lattice(self.module, planes, centres)
