"""The losses of M and T (docs/method.md, "Training"). To add one, write a function and name it in `TERMS`."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..perceptual import Distance
from ..pictures import resize
from .passes import Batch
from .space import LatentSpace

# Pictures [B, 3, R, R] in -1..1 to unit vectors [B, 512], with gradients.
FaceVectors = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Scene:
    """What a loss may look at.

    ws: [B, num_ws, w_dim], predicted. image: [b, 3, S, S], pictures of b <= B of them.
    target: [b, 3, S, S], what they should look like. true: [b, 3, S, S], I_gt. batch: everything else.
    Pictures and weight are None where only `LATENT_TERMS` are asked for.
    """

    ws: torch.Tensor
    image: torch.Tensor | None
    target: torch.Tensor | None
    true: torch.Tensor | None
    weight: torch.Tensor | None
    batch: Batch
    space: LatentSpace
    perceptual: Distance
    identity: FaceVectors | None


def pixel(scene: Scene) -> torch.Tensor:
    """Mean squared difference of pixels; small parts of the face count more where the data has masks."""
    return ((scene.image - scene.target).square() * scene.weight).mean()


def perceptual(scene: Scene) -> torch.Tensor:
    """Distance of feature maps: of the VAE's encoder (`perceptual.feature_distance`), or LPIPS."""
    return scene.perceptual(scene.image, scene.target).mean()


def identity(scene: Scene) -> torch.Tensor | None:
    """One minus the cosine between face vectors of the picture and of I_gt (ArcFace)."""
    if scene.identity is None:
        return None
    with torch.no_grad():
        wanted = scene.identity(scene.true)
    return (1 - (scene.identity(scene.image) * wanted).sum(1)).mean()


def known_w(scene: Scene) -> torch.Tensor:
    """Distance to the latent where the data knows it, such as the generator's own samples; 0 elsewhere [D]."""
    distance = scene.space.distance(scene.ws, scene.batch.ws)
    return torch.where(scene.batch.has_w, distance, 0.0).mean()


def w_avg(scene: Scene) -> torch.Tensor:
    """Distance to the mean latent: keeps w where the generator draws well."""
    return scene.space.distance(scene.ws, scene.space.w_avg.expand_as(scene.ws)).mean()


# A term gives a number, or None where the training lacks what it needs.
TERMS: dict[str, Callable[[Scene], torch.Tensor | None]] = {
    "pixel": pixel, "perceptual": perceptual, "identity": identity, "known_w": known_w, "w_avg": w_avg}
LATENT_TERMS = frozenset({"known_w", "w_avg"})  # they look at no picture: where these are all, nothing is rendered


class Objective:
    """The weighted sum of `TERMS`.

    Args:
        weights: of the terms by name; a term with weight 0 is not computed.
        rendered_share: share of a batch whose pictures are rendered, at least one; rows without a known latent first.
        known_rendered: False renders no row whose latent is known, where `known_w` counts; terms that look at pictures
            are left out where nothing is rendered.
        size: pictures are compared at most this large.
    """

    def __init__(self, weights: dict[str, float], space: LatentSpace, perceptual: Distance,
                 identity: FaceVectors | None = None, *, rendered_share: float = 1.0,
                 known_rendered: bool = True, size: int = 256):
        self.weights = {name: weight for name, weight in weights.items() if weight}
        self.space, self.perceptual, self.identity = space, perceptual, identity
        self.rendered_share, self.known_rendered, self.size = rendered_share, known_rendered, min(size, space.size)

    def __call__(self, ws: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
        """Loss of predicted latents [B, num_ws, w_dim], and the value of each term and of the whole."""
        scene = self._scene(ws, batch)
        seen = self.weights if scene.image is not None else self.weights.keys() & LATENT_TERMS
        values = {name: TERMS[name](scene) for name in self.weights if name in seen}
        values = {name: value for name, value in values.items() if value is not None}
        loss = sum(self.weights[name] * value for name, value in values.items())
        return loss, {"loss": loss.item(), **{name: value.item() for name, value in values.items()}}

    def _scene(self, ws: torch.Tensor, batch: Batch) -> Scene:
        others = (batch, self.space, self.perceptual, self.identity)
        # Where the latent is not known, the picture is all there is to learn from.
        rows = batch.has_w.argsort(stable=True)[:max(1, round(len(ws) * self.rendered_share))]
        if not self.known_rendered and "known_w" in self.weights:
            rows = rows[~batch.has_w[rows]]
        if self.weights.keys() <= LATENT_TERMS or not len(rows):
            return Scene(ws.float(), None, None, None, None, *others)
        camera = None if batch.camera is None else batch.camera[rows]
        image, target, true = self.fit(self.space.draw(ws[rows], camera).float(), batch.target[rows], batch.true[rows])
        weight = torch.ones_like(target[:, :1]) if batch.weight is None else self.fit(batch.weight[rows])[0]
        return Scene(ws.float(), image, target, true, weight, *others)

    def fit(self, *pictures: torch.Tensor) -> list[torch.Tensor]:
        """Pictures at the size they are compared at."""
        return [resize(some, self.size) for some in pictures]
