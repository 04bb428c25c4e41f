"""Pictures searched in the demo's generator: how near it comes, how long it takes, and whether edits still work."""

from collections.abc import Callable
from pathlib import Path

import torch

from ...ddgi.bridge import load_bridge
from ...ddgi.checkpoints import load_generator
from ...ddgi.demo import files
from ...ddgi.evaluation import Score, load_judges
from ...ddgi.gan import GanLatent
from ...ddgi.headworld import render_batch
from ...ddgi.latents import Move, load_directions, pick
from ...ddgi.perceptual import pyramid_distance
from ...ddgi.projection import ProjectionConfig, Search, Target, TuningConfig, tune
from ...ddgi.stopwatch import Stopwatch
from .. import folders
from ..chain import Chain, hint_images
from .directions import SLIDERS, Trial, drawn

HEADS = 64
EDITS = ("smile", "glasses", "beard", "hat")
WAYS = {"mean_w+": ("w+", False), "w": ("w", True), "w+": ("w+", True)}     # space, and whether the bridge begins
_SEEDS, _AT_ONCE = range(HEADS), 8      # pictures that are searched, and tuned to, at once


def run(*, folder: Path = folders.DEMO, heads: int = HEADS, steps: int = 100, tuning_steps: int = 100,
        report: Callable[[str], None] = lambda line: None) -> dict[str, dict[str, float]]:
    """Scores of held-out heads found in several ways: "bridge" (M + T, from mask and words), "mean_w+" (w+ from the
    mean face), "w", "w+" (from the bridge's latents), and "tuned" (and a copy of the generator tuned to each handful
    of pictures).

    steps: of each search. tuning_steps: of each copy.

    Returns:
        {way: {"picture_distance": colours and edges at every size, which the search makes small; "distance",
        "attribute_accuracy", "miou": as the judges see it; "seconds": for each picture; "edits": mean growth of the
        probability that a judge sees what the demo's sliders `EDITS` bring, by all that their prompts differ}}.

    Raises:
        InputError: a model file is missing or broken.
    """
    judges, directions = load_judges(folder / files.JUDGES), load_directions(folder / files.DIRECTIONS)
    generator, watch = load_generator(folder / files.GENERATOR), Stopwatch(torch.device("cpu"))
    moves = {one.name: Move(one, 1 / SLIDERS[one.name].step) for one in directions if one.name in EDITS}
    chosen = _SEEDS[:heads]
    truth, small = (render_batch(chosen, size) for size in (generator.config.img_resolution, judges.resolution))
    target, found = Target(truth.image), {}

    def keep(way: str, latent: GanLatent, seconds: float, draw: Callable[[GanLatent], torch.Tensor]) -> None:
        pictures, score = draw(latent), Score(judges)
        score.add(pictures, small)
        trial = Trial(draw, judges, latent)
        gains = [trial.score(SLIDERS[name], trial.after(move))["gain"] for name, move in moves.items()]
        found[way] = {"picture_distance": round(pyramid_distance(pictures, truth.image).mean().item(), 4),
                      **{key: score.result()[key] for key in ("distance", "attribute_accuracy", "miou")},
                      "seconds": round(seconds / len(chosen), 3), "edits": round(sum(gains) / len(gains), 4)}
        report(f"{way}: " + ", ".join(f"{key} {value}" for key, value in found[way].items()))

    with torch.no_grad():
        begun = watch.now()
        _, features = Chain.of_demo(folder).sample(truth.captions, hint_images(small, "mask"), chosen[0])
        start = load_bridge(folder / files.BRIDGE)(features)
        keep("bridge", start, watch.now() - begun, drawn(generator))
    for way, (space, from_bridge) in WAYS.items():
        begun = watch.now()
        config = ProjectionConfig(space=space, steps=steps, batch=_AT_ONCE)
        latent = Search(generator, target, pyramid_distance, config, start=start if from_bridge else None).run()
        seconds = watch.now() - begun
        keep(way, latent, seconds, drawn(generator))
    begun, tuning = watch.now(), TuningConfig(steps=tuning_steps)
    handfuls = [list(range(first, min(first + _AT_ONCE, len(chosen)))) for first in range(0, len(chosen), _AT_ONCE)]
    copies = [tune(generator, pick(latent, rows), target.pick(torch.tensor(rows), torch.device("cpu")),
                   pyramid_distance, tuning, name="tuned") for rows in handfuls]
    keep("tuned", latent, seconds + watch.now() - begun, lambda latent: torch.cat(
        [drawn(copy)(pick(latent, rows)) for copy, rows in zip(copies, handfuls)]))
    return found
