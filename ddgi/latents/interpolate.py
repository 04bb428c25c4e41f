"""The way from face to face: straight, round the mean face, or smoothly through many."""

import dataclasses

import torch

from ..cameras import Camera, pose_from_forward
from ..config import check_choice, check_count
from ..errors import InputError
from ..gan import GanLatent

PATHS = ("straight", "round", "smooth")
MAX_FRAMES = 100_000
_PARALLEL = 1e-6    # radians between two directions below which a straight line is the same as an arc


def walk(latent: GanLatent, frames: int, path: str = "smooth", *, loop: bool = False, eased: bool = False,
         centre: torch.Tensor | None = None) -> GanLatent:
    """The faces of a batch as keys of a film, with faces in between.

    Args:
        latent: K keys, two or more.
        frames: from one key to the next; every key is a frame, bit for bit.
        path: "straight" (linear), "round" (spherical about `centre`: each w vector turns at an even rate while its
            distance from the centre changes evenly; Shoemake 1985), or "smooth" (through all keys without a corner:
            Catmull and Rom 1974).
        loop: go on from the last key to the first, which does not come twice.
        eased: slow at each key.
        centre: [w_dim], the mean w; None is the origin.

    Returns:
        (K - 1) frames + 1 faces, or K frames in a loop; cameras move along where the keys have them.

    Raises:
        InputError: a single key, an unknown path, or too many frames.
    """
    check_choice("The path", path, PATHS)
    keys = latent.ws
    if len(keys) < 2:
        raise InputError("One face was given, and a way needs two or more; stack faces first, or draw several.")
    check_count("The number of frames from face to face", frames, 1, MAX_FRAMES // len(keys))
    key, share = _positions(len(keys), frames, loop)
    if eased:
        share = share * share * (3 - 2 * share)
    points = keys.double()
    if path == "smooth":
        found = _cubic(points, key, share, loop)
    else:
        a, b, t = points[key], points[(key + 1) % len(keys)], share[:, None, None].to(points)
        found = torch.lerp(a, b, t) if path == "straight" else slerp(a, b, t, centre)
    ws = torch.where((share == 0)[:, None, None].to(keys.device), keys[key], found.to(keys))
    return dataclasses.replace(latent, ws=ws, camera=_cameras(latent.camera, key, share))


def _positions(count: int, frames: int, loop: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """For each frame the key before it and the share of the way to the next, in 0..1."""
    index = torch.arange(count * frames if loop else (count - 1) * frames + 1)
    return index // frames, (index % frames).double() / frames


def slerp(a: torch.Tensor, b: torch.Tensor, t: torch.Tensor, centre: torch.Tensor | None = None) -> torch.Tensor:
    """From a to b [..., w_dim] at t (shape that fits) on an arc about `centre`; lengths change linearly.

    Where a and b point the same or opposite ways, or one is the centre, the way is straight.
    """
    middle = 0.0 if centre is None else centre.to(a)
    from_middle, to_middle = a - middle, b - middle
    long_a, long_b = (x.norm(dim=-1, keepdim=True) for x in (from_middle, to_middle))
    unit_a, unit_b = from_middle / long_a.clamp_min(1e-12), to_middle / long_b.clamp_min(1e-12)
    # As atan2 of half chords: exact for small angles, where acos of a scalar product is not.
    angle = 2 * torch.atan2((unit_a - unit_b).norm(dim=-1, keepdim=True), (unit_a + unit_b).norm(dim=-1, keepdim=True))
    sine = angle.sin()
    turned = (((1 - t) * angle).sin() * unit_a + (t * angle).sin() * unit_b) / sine.clamp_min(1e-12)
    arc = middle + turned * torch.lerp(long_a, long_b, t.expand_as(long_a))
    is_straight = (sine < _PARALLEL) | (long_a < 1e-12) | (long_b < 1e-12)
    return torch.where(is_straight, torch.lerp(a, b, t.expand_as(a)), arc)


def _cubic(keys: torch.Tensor, key: torch.Tensor, share: torch.Tensor, loop: bool) -> torch.Tensor:
    """Catmull-Rom: through each key with half the difference of its neighbours as velocity; open ends go on as the
    first and last pieces begin and end."""
    count = len(keys)
    if loop:
        before, after = keys.roll(1, 0), keys.roll(-1, 0)
    else:
        before = torch.cat([2 * keys[:1] - keys[1:2], keys[:-1]])
        after = torch.cat([keys[1:], 2 * keys[-1:] - keys[-2:-1]])
    velocity = (after - before) / 2
    following = (key + 1) % count
    t = share[:, None, None].to(keys)
    square, cube = t * t, t * t * t
    return ((2 * cube - 3 * square + 1) * keys[key] + (cube - 2 * square + t) * velocity[key]
            + (3 * square - 2 * cube) * keys[following] + (cube - square) * velocity[following])


def _cameras(labels: torch.Tensor | None, key: torch.Tensor, share: torch.Tensor) -> torch.Tensor | None:
    """Upright cameras [N, 25] between those of the keys: place, viewing direction and lens change evenly."""
    if labels is None or len(labels) == 1:
        return labels
    t = share[:, None].to(labels.double())
    camera = Camera(labels.double())
    position, forward, lens = (torch.lerp(x[key], x[(key + 1) % len(labels)], t)
                               for x in (camera.position, camera.forward, camera.label[:, 16:]))
    moved = torch.cat([pose_from_forward(forward, position).flatten(1), lens], 1)
    return torch.where((share == 0)[:, None].to(labels.device), labels[key], moved.to(labels))
