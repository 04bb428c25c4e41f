"""What the generator's random faces look like, beside the world that it was trained on."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from ...ddgi.checkpoints import load_generator
from ...ddgi.demo import files
from ...ddgi.evaluation import load_judges
from ...ddgi.evaluation.judges import Judges
from ...ddgi.gan import Generator
from ...ddgi.headworld import render_batch
from ...ddgi.seeds import seeded
from .. import folders

FACES = 512
_AT_ONCE = 32

Shares = dict[str, dict[str, float]]


@torch.no_grad()
def run(truncations: Sequence[float], *, folder: Path = folders.DEMO, faces: int = FACES, seed: int = 0,
        report: Callable[[str], None] = lambda line: None) -> dict:
    """How often a judge reads each value of each attribute: in head world, and in random faces of the 2D generator.

    Returns:
        {"world": {attribute: {value: share}}, "faces": {truncation: the same}, "within_a_third": {truncation: share of
        the values whose share of faces is at most a third away from the world's}}; values that the world lacks, such as
        the drawn styles, are left out.
    """
    generator, judges = load_generator(folder / files.GENERATOR), load_judges(folder / files.JUDGES)
    heads = (render_batch(range(first, min(first + _AT_ONCE, faces)), judges.resolution).image
             for first in range(0, faces, _AT_ONCE))
    world = {name: {value: share for value, share in values.items() if share}
             for name, values in _shares(judges, heads).items()}
    world = {name: values for name, values in world.items() if len(values) > 1}
    found, near = {}, {}
    for psi in truncations:
        read, key = _shares(judges, _faces(generator, faces, psi, seed)), str(psi)
        found[key] = {name: {value: read[name][value] for value in values} for name, values in world.items()}
        close = [abs(read[name][value] - share) <= share / 3
                 for name, values in world.items() for value, share in values.items()]
        near[key] = round(sum(close) / len(close), 4)
        report(f"random faces at truncation {psi:g}: {sum(close)} of {len(close)} shares within a third of the world's")
    return {"world": world, "faces": found, "within_a_third": near}


def _faces(generator: Generator, count: int, psi: float, seed: int) -> Iterator[torch.Tensor]:
    z = torch.randn(count, generator.config.z_dim, generator=seeded(seed))
    return (generator.render(generator.map(some, truncation_psi=psi)).image for some in z.split(_AT_ONCE))


def _shares(judges: Judges, pictures: Iterator[torch.Tensor]) -> Shares:
    """{attribute: {value: share}} of pictures in batches [B, 3, H, W]."""
    read: dict[str, list[torch.Tensor]] = {}
    for some in pictures:
        for name, logits in judges.read(judges.fit(some.float().clamp(-1, 1))).items():
            read.setdefault(name, []).append(logits.argmax(1))
    seen = {name: torch.cat(values) for name, values in read.items()}
    return {name: {value: round((seen[name] == number).float().mean().item(), 4)
                   for number, value in enumerate(values)} for name, values in judges.config.attributes.items()}
