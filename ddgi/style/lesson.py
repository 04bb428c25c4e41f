"""What a copy learns a style from: pictures, and the faces that they show."""

import dataclasses

import torch

from ..errors import InputError
from ..gan import GanLatent, Generator
from ..latents.sample import sample_w
from ..perceptual import pyramid_distance
from ..pictures import resize
from ..projection import ProjectionConfig, Search, Target
from ..projection.search import Progress
from ..seeds import numbered

PSI = 0.8               # of drawn faces: those far from the mean are broken in many generators
YAW, PITCH = 25.0, 10.0     # degrees to either side from which 3D heads are seen
_COMPARED = 64          # side at which a style's picture is compared with faces without that style
_HOME = 0.1             # weight of how far w lies from the mean: the face shall not take on the style
_FOUND_AT_ONCE = 16


@dataclasses.dataclass(frozen=True)
class Lesson:
    """Pictures of one style, and whose they are.

    Attributes:
        pictures: [N, 3, T, T] in -1..1; T may be smaller than the generator's pictures.
        faces: N faces that the pictures show.
        is_exact: the pictures were made from the generator's own pictures of these faces. Otherwise the faces were
            only found in it, and other faces are drawn besides.

    Raises:
        InputError: another number of faces than of pictures, or pictures that are not square.
    """

    pictures: torch.Tensor
    faces: GanLatent
    is_exact: bool

    def __post_init__(self):
        count, _, height, width = self.pictures.shape
        if height != width or len(self.faces.ws) != count:
            raise InputError(f"{count} style pictures of {width} x {height} were given with {len(self.faces.ws)} "
                             f"faces; they must be square, with one face for each.")

    @property
    def size(self) -> int:
        return self.pictures.shape[-1]


def own_faces(generator: Generator, count: int, seed: int = 0) -> GanLatent:
    """Random faces on the generator's device; 3D heads are seen from around the front, each from its own side."""
    ws = generator.truncate(sample_w(generator, count, seed)[:, None].expand(-1, generator.config.num_ws, -1), PSI)
    if not generator.is_3d:
        return generator.latent(ws)
    sides = torch.rand(count, 2, generator=numbered(seed, 1)) * 2 - 1
    labels = [generator.camera(YAW * float(yaw), PITCH * float(pitch)).label for yaw, pitch in sides]
    return generator.latent(ws, torch.cat(labels).to(ws))


def style_faces(generator: Generator, pictures: torch.Tensor, steps: int,
                progress: Progress = lambda done, total, pictures: None) -> GanLatent:
    """The generator's faces most like pictures [N, 3, T, T] of another style, and the cameras of 3D heads.

    Colours and shapes are compared at a small size and w is held near its mean, so that the face is found and not the
    style.
    """
    def distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        small = min(_COMPARED, a.shape[-1] // 2)
        return pyramid_distance(resize(a, small), resize(b, small))

    size = generator.config.img_resolution
    config = ProjectionConfig(space="w", steps=steps, home=_HOME, pixel=0.0, batch=min(_FOUND_AT_ONCE, len(pictures)))
    return Search(generator, Target(resize(pictures, size)), distance, config, turn=generator.is_3d).run(progress)
