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
from .paint import Palette, paint
from .parameters import HeadParameters, parameters_from_z, stack_seeds
from .scribble import scribble_from_mask_and_depth
from .sdf import Field
from .shapes import HEAD_UNIT, WORN, build_shape
from .styles import Style, style_row
from .styles.picture import Picture
from .surface import Lights, Surface, measure_light, unit

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
    styles: name of each head's style.
    """

    image: Tensor
    mask: Tensor
    scribble: Tensor
    depth: Tensor
    label: Tensor
    captions: list[str]
    attributes: Tensor
    z: Tensor
    styles: list[str]

    @property
    def scribble_image(self) -> Tensor:
        """Black lines on white, [B, 3, R, R] in [0, 1]."""
        return (1 - self.scribble).expand(-1, 3, -1, -1)


def default_cameras(parameters: HeadParameters) -> Tensor:
    """Labels [B, 25] of the camera each latent asks for: yaw within 20 degrees, pitch within 8."""
    return look_at_label(torch.deg2rad(20 * parameters.factor("yaw")), torch.deg2rad(8 * parameters.factor("pitch")))


@torch.no_grad()
def render_batch(z: Tensor | Sequence[int], resolution: int = 64, cameras: Tensor | None = None, *,
                 style: str | Sequence[str] = "studio", white_background: bool = False) -> HeadWorldBatch:
    """Render heads.

    Args:
        z: latents [B, 64], or a list of seeds.
        resolution: pixels per side, a multiple of 8, at least 16.
        cameras: labels [B, 25]; the default is each latent's own camera near the front.
        style: a name of `STYLES` or one for each head. It changes image and caption only.
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
    styles = [style] * len(z) if isinstance(style, str) else list(style)
    if len(styles) != len(z):
        raise InputError(f"{len(styles)} styles were given for {len(z)} heads; give one for each, or one for all.")
    for name in set(styles):
        style_row(name)                                 # refused before anything is drawn
    image, mask, depth = _render_all(parameters, label, styles, resolution, white_background)
    captions = [caption(row, seed, style=name)
                for row, seed, name in zip(parameters.attributes.tolist(), _phrasings(z), styles)]
    return HeadWorldBatch(image, mask, scribble_from_mask_and_depth(mask, depth), depth, label, captions,
                          parameters.attributes, z, styles)


def studio_wall(z: Tensor | Sequence[int], resolution: int) -> Tensor:
    """The wall behind each head [B, 3, R, R] in [-1, 1], the same for every camera.

    It puts heads that a generator drew alone where `render_batch` puts them: before the wall that judges know.
    """
    z = stack_seeds(z) if not isinstance(z, Tensor) else z.float()
    factor = _oversampling(resolution)
    size = resolution * factor
    return F.avg_pool2d(style_row("studio").wall(parameters_from_z(z), size).unflatten(2, (size, size)), factor) * 2 - 1


def _oversampling(resolution: int) -> int:
    """Small pictures are drawn at twice the size."""
    return 2 if resolution <= 64 else 1


def _render_all(parameters: HeadParameters, label: Tensor, styles: Sequence[str], resolution: int,
                white: bool) -> tuple[Tensor, ...]:
    """Image, mask and depth of all heads, drawn in small groups that wear the same things."""
    wears = sum(parameters.has(name) * 2 ** i for i, name in enumerate(WORN))
    order = wears.argsort(stable=True)
    groups = (order,) if order.is_cuda else order.split(_CHUNK)

    def draw(group: Tensor) -> tuple[Tensor, ...]:
        names = [styles[row] for row in group.tolist()]
        return _render_chunk(parameters.rows(group), label[group], names, resolution, white)

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


@dataclass(frozen=True)
class _Look:
    """The heads of one chunk that share a style; rows: where they are in the chunk."""

    style: Style
    rows: Tensor | slice
    parameters: HeadParameters
    lights: Lights


def _looks(p: HeadParameters, styles: Sequence[str]) -> list[_Look]:
    names = sorted(set(styles))
    if len(names) == 1:
        return [_Look(style_row(names[0]), slice(None), p, Lights(p))]
    looks = []
    for name in names:
        rows = torch.tensor([row for row, other in enumerate(styles) if other == name], device=p.factors.device)
        some = p.rows(rows)
        looks.append(_Look(style_row(name), rows, some, Lights(some)))
    return looks


@torch.no_grad()
def _render_chunk(parameters: HeadParameters, label: Tensor, styles: Sequence[str], resolution: int,
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
    looks = _looks(parameters, styles)
    drawn, mask = shade(field, parameters, origins, directions, t, hit, looks, white)
    depth = torch.where(hit, t * HEAD_UNIT, torch.full_like(t, FAR_DEPTH))[:, None]
    image = drawn.new_empty(len(drawn), 3, resolution, resolution)
    for look in looks:
        picture = Picture(drawn[look.rows], mask[look.rows], depth[look.rows, 0] / HEAD_UNIT, look.parameters, factor,
                          white)
        image[look.rows] = look.style.finish(picture)
    if factor > 1:
        mask, depth = mask[:, ::factor, ::factor], _halve_depth(depth)
    return image * 2 - 1, mask.contiguous(), depth.contiguous()


def _halve_depth(depth: Tensor) -> Tensor:
    """Half the size: the mean of 2 x 2 where the surface is continuous, else the upper left sample."""
    mean, nearest = F.avg_pool2d(depth, 2), -F.max_pool2d(-depth, 2)
    return torch.where(F.max_pool2d(depth, 2) - nearest < 0.03, mean, depth[:, :, ::2, ::2])


def shade(field: Field, p: HeadParameters, origins: Tensor, directions: Tensor, t: Tensor, hit: Tensor,
          looks: Sequence[_Look], white: bool = False) -> tuple[Tensor, Tensor]:
    """Image [B, 3, S, S] in 0..1, before its finish, and mask uint8 [B, S, S]."""
    size = hit.shape[1]
    colours, lights = Palette(p), Lights(p)
    image = origins.new_ones(len(hit), 3, size * size)
    if not white:
        for look in looks:
            image[look.rows] = look.style.wall(look.parameters, size)
    mask = torch.zeros(len(hit), size * size, dtype=torch.uint8, device=hit.device)
    rays, t, hit = directions.permute(0, 3, 1, 2).flatten(2), t.flatten(1), hit.flatten(1)
    for order in block(pack(hit)):
        spread = order[:, None].expand(-1, 3, -1)
        view = torch.gather(rays, 2, spread)
        points = torch.addcmul(origins[..., None], view, torch.gather(t, 1, order)[:, None])
        albedo, shine, distance, part, classes = paint(field, colours, points)
        normal = _normals(field, points, distance)
        shadow, open_sky = measure_light(field, lights, points, normal)
        light = torch.empty_like(points)
        for look in looks:
            seen = (v[look.rows] for v in (points, view, normal, albedo, shine, part, shadow, open_sky))
            light[look.rows] = look.style.light(Surface(*seen, lights=look.lights))
        seen = torch.gather(hit, 1, order)
        image.scatter_(2, spread, torch.where(seen[:, None], light, torch.gather(image, 2, spread)))
        mask.scatter_(1, order, classes * seen)
    return image.reshape(-1, 3, size, size), mask.reshape(-1, size, size)


def _normals(field: Field, points: Tensor, distance: Tensor, step: float = 0.006) -> Tensor:
    """Unit gradients [B, 3, N] by forward differences from the distances at the points."""
    shifted = [field.distance(points + step * axis[:, None]) for axis in torch.eye(3, device=points.device)]
    return unit(torch.stack(shifted, 1) - distance[:, None])
