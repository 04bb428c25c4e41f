"""Heads as pictures: image, mask, scribble, depth, camera and caption of every latent."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..cameras import look_at_label, rays_from_label
from ..errors import InputError
from .caption import caption
from .march import block, march, pack
from .paint import Palette, hue, paint
from .parameters import HeadParameters, parameters_from_z, stack_seeds
from .scribble import scribble_from_mask_and_depth
from .sdf import Field
from .shapes import HEAD_UNIT, WORN, build_shape

FAR_DEPTH = 3.3                             # world units, the far plane of EG3D's FFHQ setting
_CHUNK = 4                                  # heads per pass on the CPU, to bound memory


@dataclass(frozen=True)
class HeadWorldBatch:
    """One rendered batch.

    image: [B, 3, R, R] in [-1, 1].
    mask: uint8 [B, R, R], the 19 CelebAMask-HQ classes; "left" is the left of the picture.
    scribble: [B, 1, R, R], 1 on a line, 0 elsewhere.
    depth: [B, 1, R, R] distance along the unit ray in world units, `FAR_DEPTH` where nothing is met.
    label: [B, 25] camera, as in `ddgi.cameras`.
    captions: one sentence per head.
    attributes: int64 [B, 10], in the order of `ATTRIBUTES`.
    z: [B, 64].
    """

    image: Tensor
    mask: Tensor
    scribble: Tensor
    depth: Tensor
    label: Tensor
    captions: list[str]
    attributes: Tensor
    z: Tensor

    @property
    def scribble_image(self) -> Tensor:
        """Black lines on white, [B, 3, R, R] in [0, 1]."""
        return (1 - self.scribble).expand(-1, 3, -1, -1)


def default_cameras(parameters: HeadParameters) -> Tensor:
    """Labels [B, 25] of the camera each latent asks for: yaw within 20 degrees, pitch within 8."""
    return look_at_label(torch.deg2rad(20 * parameters.factor("yaw")), torch.deg2rad(8 * parameters.factor("pitch")))


@torch.no_grad()
def render_batch(z: Tensor | Sequence[int], resolution: int = 64, cameras: Tensor | None = None, *,
                 white_background: bool = False) -> HeadWorldBatch:
    """Render heads.

    Args:
        z: latents [B, 64], or a list of seeds.
        resolution: pixels per side, a multiple of 8, at least 16.
        cameras: labels [B, 25]; the default is each latent's own camera near the front.
        white_background: pure white instead of each head's own studio wall, for generators that draw heads alone.

    Raises:
        InputError: a size does not fit.
    """
    if len(z) == 0:
        raise InputError("No heads were asked for; give at least one latent or seed.")
    z = stack_seeds(z) if not isinstance(z, Tensor) else z.float()
    if resolution < 16 or resolution % 8:
        raise InputError(f"A resolution of {resolution} was given; use a multiple of 8, at least 16.")
    parameters = parameters_from_z(z)
    label = default_cameras(parameters) if cameras is None else cameras.to(z)
    if len(label) != len(z):
        raise InputError(f"{len(label)} cameras were given for {len(z)} heads; give one for each.")
    image, mask, depth = _render_all(parameters, label, resolution, white_background)
    captions = [caption(row, seed) for row, seed in zip(parameters.attributes.tolist(), _phrasings(z))]
    return HeadWorldBatch(image, mask, scribble_from_mask_and_depth(mask, depth), depth, label, captions,
                          parameters.attributes, z)


def studio_wall(z: Tensor | Sequence[int], resolution: int) -> Tensor:
    """The wall behind each head [B, 3, R, R] in [-1, 1], the same for every camera.

    It puts heads that a generator drew alone where `render_batch` puts them: before the wall that judges know.
    """
    z = stack_seeds(z) if not isinstance(z, Tensor) else z.float()
    factor = _oversampling(resolution)
    size = resolution * factor
    return F.avg_pool2d(_background(parameters_from_z(z), size).unflatten(2, (size, size)), factor) * 2 - 1


def _oversampling(resolution: int) -> int:
    """Small pictures are drawn at twice the size."""
    return 2 if resolution <= 64 else 1


def _render_all(parameters: HeadParameters, label: Tensor, resolution: int, white: bool) -> tuple[Tensor, ...]:
    """Image, mask and depth of all heads, drawn in small groups that wear the same things."""
    wears = sum(parameters.has(name) * 2 ** i for i, name in enumerate(WORN))
    order = wears.argsort(stable=True)
    groups = (order,) if order.is_cuda else order.split(_CHUNK)

    def draw(group: Tensor) -> tuple[Tensor, ...]:
        some = HeadParameters(parameters.attributes[group], parameters.factors[group])
        return _render_chunk(some, label[group], resolution, white)

    threads = torch.get_num_threads()
    if order.is_cuda or threads == 1:
        drawn = [draw(group) for group in groups]
    else:
        # One head group per core: the tensors are too small for several cores to share one operation.
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            drawn = list(pool.map(draw, groups))
        torch.set_num_threads(threads)                  # the count for threads to come is shared
    return tuple(torch.cat(v)[order.argsort()] for v in zip(*drawn))


def _phrasings(z: Tensor) -> list[int]:
    """One number per head that chooses the wording of its caption, from the signs of the spare dimensions."""
    bits = (z[:, -8:] > 0).long()
    return (bits * 2 ** torch.arange(8, device=z.device)).sum(1).tolist()


@torch.no_grad()
def _render_chunk(parameters: HeadParameters, label: Tensor, resolution: int,
                  white: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Image [B, 3, R, R], mask [B, R, R] and depth [B, 1, R, R]; small pictures are drawn at twice the size."""
    factor = _oversampling(resolution)
    size = resolution * factor
    origins, directions = rays_from_label(label, size)
    origins = origins / HEAD_UNIT
    directions = directions.reshape(-1, size, size, 3)
    field = Field(build_shape(parameters))
    spread = 0.75 / size / float(label[0, 16])
    t, hit = march(field, origins, directions, spread)
    image, mask = shade(field, parameters, origins, directions, t, hit, white)
    depth = torch.where(hit, t * HEAD_UNIT, torch.full_like(t, FAR_DEPTH))[:, None]
    if factor > 1:
        image = F.avg_pool2d(image, factor)
        mask, depth = mask[:, ::factor, ::factor], _halve_depth(depth)
    else:
        image = _soften_edges(image, mask)
    return image * 2 - 1, mask.contiguous(), depth.contiguous()


def _halve_depth(depth: Tensor) -> Tensor:
    """Half the size: the mean of 2 x 2 where the surface is continuous, else the upper left sample."""
    mean, nearest = F.avg_pool2d(depth, 2), -F.max_pool2d(-depth, 2)
    return torch.where(F.max_pool2d(depth, 2) - nearest < 0.03, mean, depth[:, :, ::2, ::2])


def _soften_edges(image: Tensor, mask: Tensor) -> Tensor:
    """Blend the pixels at class borders with their neighbours, against staircases."""
    classes = mask[:, None].float()
    edge = (F.max_pool2d(classes, 3, 1, 1) + F.max_pool2d(-classes, 3, 1, 1)).clamp(0, 1)
    weights = image.new_tensor([[1, 2, 1], [2, 4, 2], [1, 2, 1]]).div(16).expand(3, 1, 3, 3)
    smooth = F.conv2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), weights, groups=3)
    return torch.lerp(image, smooth, edge * 0.85)


def shade(field: Field, p: HeadParameters, origins: Tensor, directions: Tensor, t: Tensor,
          hit: Tensor, white: bool = False) -> tuple[Tensor, Tensor]:
    """Image [B, 3, R, R] in 0..1 and mask uint8 [B, R, R]."""
    size = hit.shape[1]
    colours, lights = Palette(p), Lights(p)
    image = origins.new_ones(len(hit), 3, size * size) if white else _background(p, size)
    mask = torch.zeros(len(hit), size * size, dtype=torch.uint8, device=hit.device)
    rays, t, hit = directions.permute(0, 3, 1, 2).flatten(2), t.flatten(1), hit.flatten(1)
    for order in block(pack(hit)):
        spread = order[:, None].expand(-1, 3, -1)
        view = torch.gather(rays, 2, spread)
        points = torch.addcmul(origins[..., None], view, torch.gather(t, 1, order)[:, None])
        albedo, shine, distance, classes = paint(field, colours, points)
        normal = _normals(field, points, distance)
        light = lights.shade(field, points, normal, view, albedo.clamp(0, 1).pow(2.2), shine)
        seen = torch.gather(hit, 1, order)
        image.scatter_(2, spread, torch.where(seen[:, None], light, torch.gather(image, 2, spread)))
        mask.scatter_(1, order, classes * seen)
    return image.reshape(-1, 3, size, size), mask.reshape(-1, size, size)


def _normals(field: Field, points: Tensor, distance: Tensor, step: float = 0.006) -> Tensor:
    """Unit gradients [B, 3, N] by forward differences from the distances at the points."""
    shifted = [field.distance(points + step * axis[:, None]) for axis in torch.eye(3, device=points.device)]
    return unit(torch.stack(shifted, 1) - distance[:, None])


def unit(v: Tensor) -> Tensor:
    """Unit vectors along dimension 1 of [B, 3, N]."""
    return v * (v.square().sum(1, keepdim=True) + 1e-12).rsqrt()


class Lights:
    """A warm key, sky and ground fill and a rim, fixed to the world so that all views agree."""

    def __init__(self, p: HeadParameters):
        side, height = 0.9 * p.factor("light_side"), 0.55 + 0.3 * p.factor("light_height")
        self.key = F.normalize(torch.stack([side, height, torch.ones_like(side)], -1), dim=-1)[..., None]
        warm = p.factor("light_warmth")[:, None]
        self.key_colour = (side.new_tensor([1.0, 0.95, 0.88]) + warm * side.new_tensor([0.06, 0.0, -0.09]))[..., None]
        self.sky = (side.new_tensor([0.62, 0.70, 0.82]) - warm * side.new_tensor([0.05, 0.0, -0.05]))[..., None]
        self.ground = side.new_tensor([0.46, 0.38, 0.34])[:, None]

    def shade(self, field: Field, points: Tensor, normal: Tensor, view: Tensor, albedo: Tensor,
              shine: Tensor) -> Tensor:
        """Display colours [B, 3, N] of points; albedo is linear; nearby surfaces dim every light."""
        shadow = (field.distance(points + 0.06 * normal + 0.16 * self.key) / 0.15).clamp(0, 1)
        open_sky = (field.distance(points + 0.12 * normal) / 0.12).clamp(0, 1) * 0.65 + 0.35
        diffuse = (((normal * self.key).sum(1) + 0.25) / 1.25).clamp_min(0) * (0.35 + 0.65 * shadow)
        up = normal[:, 1] * 0.5 + 0.5
        ambient = (self.ground + (self.sky - self.ground) * up[:, None]) * (0.62 * open_sky)[:, None]
        towards = -(normal * view).sum(1)
        rim = (1 - towards.clamp(0, 1)).pow(3) * (up * 0.7 + 0.15) * open_sky
        half = unit(self.key - view)
        gloss = (normal * half).sum(1).clamp_min(0).pow(38) * shine * shadow
        matt = albedo * (self.key_colour * (1.05 * diffuse)[:, None] + ambient)
        return _tone(matt + (0.22 * rim + 0.55 * gloss)[:, None])


def _tone(linear: Tensor) -> Tensor:
    """Linear light to display values: a soft shoulder above 0.8, then gamma 2.2."""
    bright = 0.8 + 0.35 * (1 - (-(linear - 0.8).clamp_min(0) / 0.35).exp())
    return torch.where(linear > 0.8, bright, linear).clamp(1e-5, 1).pow(1 / 2.2)


def _background(p: HeadParameters, size: int) -> Tensor:
    """A lit studio wall [B, 3, N]: a pale tint, brighter behind the head."""
    tint = hue(p.factor("background_hue") * 0.5 + 0.5, 0.34, 0.76 + 0.20 * p.factor("background_tone"))
    line = torch.linspace(-1, 1, size, device=tint.device)
    radius = (line[:, None] + 0.15).square() + line.square()
    glow = 1.10 - 0.32 * radius.reshape(1, 1, -1) * 0.7
    return (tint[..., None] * glow).clamp(0, 1)
