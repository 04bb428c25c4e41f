"""The EG3D, learnt from known head-world parameters, cameras and depths."""

import torch
from torch.nn import functional as F

from ..cameras import rays_from_label
from ..gan import EG3DConfig, RenderingConfig, StyleGAN2Config
from ..gan.eg3d.march import interval_weights, sample_weights
from ..gan.eg3d.network import EG3D
from ..headworld import Z_DIM, stack_seeds
from ..pictures import from_bytes
from ..training.data.heads import HeadWorld
from ..training.losses import part_weights
from ..training.stage import Stage, batches
from .generator import EDGE_WEIGHT, CodeNetwork, head_code, reconstruction
from .settings import Settings

SPREAD_SAMPLES, SURFACE_SAMPLES = 8, 5      # samples a ray in training: anywhere, and around the known surface
SURFACE_SPREAD = 0.015                      # world units, about three pixels at 128 px
RAYS_PER_VIEW = 384
VIEW_YAW, VIEW_PITCH = 50.0, 18.0           # degrees to each side of the front that views are drawn from
ALPHA_WEIGHT, DEPTH_WEIGHT, RAW_WEIGHT = 0.5, 4.0, 0.5
BACKGROUND_SHARE = 0.25                     # how likely a background pixel is picked, against a plain one of the head


def eg3d_config(settings: Settings) -> EG3DConfig:
    """Sizes of the demo EG3D: half the picture's side in rays, then a 2X super-resolution."""
    size = settings.views_resolution
    backbone = StyleGAN2Config(z_dim=Z_DIM, c_dim=25, w_dim=settings.w_dim, img_channels=96,
                               img_resolution=settings.plane_resolution, channels=settings.plane_channels,
                               num_mapping_layers=settings.mapping_layers)
    # The mapping network sees no camera: head world's poses say nothing about its faces.
    rendering = RenderingConfig(depth_resolution=12, depth_resolution_importance=12, plane_axes="xy_xz_zy",
                                white_back=True, c_gen_conditioning_zero=True, avg_camera_pivot=(0, 0, 0))
    return EG3DConfig(backbone, img_resolution=size, neural_rendering_resolution=size // 2, decoder_width=32,
                      sr_kind="2X", sr_input_resolution=size // 2, sr_channels=(32, 16), rendering=rendering)


def eg3d_code(z: torch.Tensor) -> torch.Tensor:
    """`head_code` without what a 3D head on white does not show: its camera and its wall."""
    return head_code(z, unseen=("yaw", "pitch", "background_hue", "background_tone"))


def guided_depths(depth: torch.Tensor, config: RenderingConfig, rng: torch.Generator) -> torch.Tensor:
    """Rising sample depths [B, R, S] for rays whose surface depth [B, R] is known: few are enough then.

    Some are spread over the whole range, the others lie around the surface (Deng et al. 2022 use depth alike).
    """
    rays, length = depth.shape, config.ray_end - config.ray_start
    slots = (torch.arange(SPREAD_SAMPLES) + torch.rand(*rays, SPREAD_SAMPLES, generator=rng)) / SPREAD_SAMPLES
    near = depth[..., None] + SURFACE_SPREAD * torch.randn(*rays, SURFACE_SAMPLES, generator=rng)
    depths = torch.cat([config.ray_start + slots * length, near.clamp(config.ray_start, config.ray_end)], -1)
    return depths.sort(-1).values


def guided_rays(module: EG3D, planes: torch.Tensor, origins: torch.Tensor, directions: torch.Tensor,
                depths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Features [B, C, R], alpha [B, R] and depth [B, R] of rays [B, R, 3] looked at at `depths` [B, R, S] alone."""
    points = origins[:, :, None] + depths[..., None] * directions[:, :, None]
    density, colours = module.field(planes)(points.flatten(1, 2))
    weights = interval_weights(density.reshape(depths.shape), depths)
    light = (colours.unflatten(2, depths.shape[1:]) * sample_weights(weights)[:, None]).sum(-1)
    alpha = weights.sum(-1)
    middles = (depths[..., 1:] + depths[..., :-1]) / 2
    depth = (weights * middles).sum(-1) / alpha.clamp_min(1e-4)
    return (light + 1 - alpha[:, None]) * 2 - 1, alpha, depth


def geometry_loss(alpha: torch.Tensor, depth: torch.Tensor, true_depth: torch.Tensor,
                  head: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """L1 of coverage, and of depth where there is a head; all [B, R]."""
    off = (depth - true_depth).abs() * head
    return (alpha - head).abs().mean(), off.sum() / head.sum().clamp_min(1)


def _optimizer(module: EG3D, network: CodeNetwork, rate: float) -> torch.optim.Optimizer:
    trained = [*module.backbone.synthesis.parameters(), *module.decoder.parameters(),
               *module.superresolution.parameters()]
    return torch.optim.Adam([{"params": list(network.parameters()), "lr": rate / 2}, {"params": trained, "lr": rate}],
                            betas=(0.9, 0.99))


def train_volume(settings: Settings, module: EG3D, network: CodeNetwork, views: HeadWorld, folder, report) -> None:
    """The volume alone: colour, coverage and depth of single rays, most of them on the small parts."""
    stage = Stage("volume", settings.volume_steps, {"generator": module, "code": network},
                  {"adam": _optimizer(module, network, 4e-3)}, folder, ema_decay=0.998, report=report)
    codes, optimizer = eg3d_code(stack_seeds(views.seeds)), stage.optimizers["adam"]
    rendering, size, device = module.config.rendering, views.resolution, settings.device

    def step_fn(step: int, rng: torch.Generator) -> dict[str, float]:
        index = batches(len(views), settings.generator_batch, step, seed=12)
        rows = views.rows(index.tolist())
        mask = rows["mask"]
        chance = part_weights(mask).flatten(1) * torch.where(mask.flatten(1) > 0, 1.0, BACKGROUND_SHARE)
        picked = torch.multinomial(chance, RAYS_PER_VIEW, generator=rng)                          # [B, R]
        origins, directions = rays_from_label(rows["camera"], size)
        directions = directions.gather(1, picked[..., None].expand(-1, -1, 3)).to(device)
        true_depth = rows["depth"].flatten(1).gather(1, picked)
        depths = guided_depths(true_depth, rendering, rng).to(device)
        colour = from_bytes(rows["image"]).flatten(2).gather(2, picked[:, None].expand(-1, 3, -1)).to(device)
        head, true_depth = (mask.flatten(1).gather(1, picked) > 0).float().to(device), true_depth.to(device)
        planes = module.planes(_ws(module, network, codes[index].to(device)), "none")
        feature, alpha, depth = guided_rays(module, planes, origins[:, None].expand_as(directions).to(device),
                                            directions, depths)
        pixels = (feature[:, :3] - colour).abs().mean()
        cover, off = geometry_loss(alpha, depth, true_depth, head)
        optimizer.zero_grad(set_to_none=True)
        (pixels + ALPHA_WEIGHT * cover + DEPTH_WEIGHT * off).backward()
        optimizer.step()
        return {"pixels": pixels.item(), "alpha": cover.item(), "depth": off.item()}

    stage.run(step_fn)
    stage.apply_ema()


def train_eg3d(settings: Settings, module: EG3D, network: CodeNetwork, views: HeadWorld, folder, report) -> None:
    """Whole pictures, rendered as users will: the volume goes on learning, and super-resolution with it."""
    stage = Stage("eg3d", settings.eg3d_steps, {"generator": module, "code": network},
                  {"adam": _optimizer(module, network, 3e-3)}, folder, ema_decay=0.998, report=report)
    codes, optimizer, device = eg3d_code(stack_seeds(views.seeds)), stage.optimizers["adam"], settings.device

    def step_fn(step: int, rng: torch.Generator) -> dict[str, float]:
        index = batches(len(views), settings.generator_batch // 2, step, seed=13)
        rows = views.rows(index.tolist())
        image, weight = from_bytes(rows["image"]).to(device), part_weights(rows["mask"]).to(device)
        head = (rows["mask"] > 0).float()[:, None]
        rendering, size = module.config.rendering, module.config.neural_rendering_resolution
        noise = (torch.rand(len(index), size * size, rendering.depth_resolution, generator=rng),
                 torch.rand(len(index), size * size, rendering.depth_resolution_importance, generator=rng))
        ws = _ws(module, network, codes[index].to(device))
        out = module.view(module.planes(ws, "none"), ws, rows["camera"].to(device), noise=noise)
        pixels, edge = reconstruction(out.image, image, weight)
        raw = (out.image_raw - F.avg_pool2d(image, 2)).abs().mean()
        # A pixel of the smaller picture has a depth if all of its four pixels lie on the head.
        inside = (-F.max_pool2d(-head, 2)).flatten(1).to(device)
        near = F.avg_pool2d(rows["depth"][:, None], 2).flatten(1).to(device)
        _, off = geometry_loss(inside, out.image_depth.flatten(1), near, inside)
        cover = (out.image_alpha - F.avg_pool2d(head, 2).to(device)).abs().mean()
        optimizer.zero_grad(set_to_none=True)
        (pixels + EDGE_WEIGHT * edge + RAW_WEIGHT * raw + ALPHA_WEIGHT * cover + DEPTH_WEIGHT * off).backward()
        optimizer.step()
        return {"pixels": pixels.item(), "edges": edge.item(), "depth": off.item()}

    stage.run(step_fn)
    stage.apply_ema()


def _ws(module: EG3D, network: CodeNetwork, code: torch.Tensor) -> torch.Tensor:
    return network(code)[:, None].expand(-1, module.config.num_ws, -1)
