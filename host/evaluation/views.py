"""Score the demo's 3D chain from several sides: core's sampler with capture, the bridge, EG3D, the judges."""

from collections.abc import Callable
from pathlib import Path

import torch

from ...ddgi.bridge import load_bridge
from ...ddgi.cameras import look_at_label
from ...ddgi.checkpoints import load_generator
from ...ddgi.demo import files
from ...ddgi.errors import InputError
from ...ddgi.evaluation import ConsistencyScore, ViewScore, before_wall, fit_depth, load_judges, side_ratio
from ...ddgi.headworld import HeadWorldBatch, render_batch, studio_wall
from .. import folders
from ..chain import DEFAULT_SAMPLING, Chain, Sampling, hint_images

YAWS = (-40, -30, -20, 0, 20, 30, 40)


@torch.no_grad()
def run(seeds: range = range(128), sampling: Sampling = DEFAULT_SAMPLING, *, folder: Path = folders.DEMO,
        generator: Path | None = None, yaws: tuple[int, ...] = YAWS, batch: int = 16,
        report: Callable[[str], None] = lambda line: None,
        on_batch: Callable | None = None) -> dict[str, dict]:
    """Scores of M + T through EG3D on held-out head-world seeds, and of the true pictures beside them.

    Each head's latent comes from mask (or scribble) and prompt; it is then seen from `yaws` degrees at pitch 0. The
    generator draws heads alone, before white: its pictures are judged before the true picture's wall.

    generator: the file of a relative that draws in the place of the demo's own, such as one that learnt a style.

    on_batch(pictures: {"30": [B, 3, R, R], "30 true": ...}) sees every batch, for contact sheets.

    Returns:
        {"views": {yaw: scores}, "ground_truth": {yaw: scores}, "consistency": {"m_t", "ground_truth"},
        "ratio_30": {"m_t", "ground_truth"}}.

    Raises:
        InputError: a model file is missing or broken.
    """
    models = _Models(folder, sampling, generator)
    names = [str(yaw) for yaw in yaws]
    cameras = cameras_at(yaws)
    scores = {kind: [ViewScore(models.judges) for _ in yaws] for kind in ("m_t", "ground_truth")}
    consistency = {kind: ConsistencyScore(names, cameras) for kind in scores}
    for start in range(0, len(seeds), batch):
        chosen = seeds[start:start + batch]
        truths = true_views(chosen, models.judges.resolution, cameras)
        seen = {"m_t": models.views(chosen, cameras), "ground_truth": _as_views(truths)}
        for kind, (images, depths, heads) in seen.items():
            for view, truth in enumerate(truths):
                scores[kind][view].add(images[:, view], depths[:, view], heads[:, view], truth)
            consistency[kind].add(images, depths, heads)
        if on_batch:
            on_batch({name: seen[kind][0][:, view] for view, yaw in enumerate(names)
                      for kind, name in (("m_t", yaw), ("ground_truth", f"{yaw} true"))})
        report(f"evaluated {start + len(chosen)}/{len(seeds)} held-out heads from {len(yaws)} sides")
    results = {kind: {name: score.result() for name, score in zip(names, list_)} for kind, list_ in scores.items()}
    return {"views": results["m_t"], "ground_truth": results["ground_truth"],
            "consistency": {kind: score.result() for kind, score in consistency.items()},
            "ratio_30": {kind: side_ratio(values) for kind, values in results.items()}}


def cameras_at(yaws: tuple[int, ...]) -> torch.Tensor:
    """Labels [V, 25] of cameras at yaw degrees and pitch 0."""
    yaw = torch.deg2rad(torch.tensor(yaws, dtype=torch.float32))
    return look_at_label(yaw, torch.zeros_like(yaw))


def true_views(seeds: range, resolution: int, cameras: torch.Tensor) -> list[HeadWorldBatch]:
    """The same heads once for each camera."""
    return [render_batch(seeds, resolution, camera.expand(len(seeds), -1)) for camera in cameras]


def _as_views(truths: list[HeadWorldBatch]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images, depths and heads [B, V, C, R, R] of what `true_views` gives."""
    return (torch.stack([t.image for t in truths], 1), torch.stack([t.depth for t in truths], 1),
            torch.stack([t.mask[:, None] != 0 for t in truths], 1))


class _Models:
    """Everything between a held-out head's mask and prompt and its pictures."""

    def __init__(self, folder: Path, sampling: Sampling, generator: Path | None):
        for name in (files.EG3D, files.BRIDGE_3D):
            if not (folder / name).is_file():
                raise InputError(f"There is no {name} in {folder}, so the 3D chain cannot be scored; train it with "
                                 f"`make train-demo` or leave out --views.")
        self.judges = load_judges(folder / files.JUDGES)
        self.generator = load_generator(generator or folder / files.EG3D, bases=[folder])
        self.bridge = load_bridge(folder / files.BRIDGE_3D)
        self.chain = Chain.of_demo(folder, sampling)

    def views(self, seeds: range, cameras: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Images [B, V, 3, R, R], depths [B, V, 1, R, R] and heads bool [B, V, 1, R, R] at the judges' resolution."""
        resolution = self.judges.resolution
        drawn = render_batch(seeds, resolution)         # hints show each head from its own camera
        sampling = self.chain.sampling
        _, features = self.chain.sample(drawn.captions, hint_images(drawn, sampling.hint), seeds[0])
        latent = self.bridge(features, gamma=sampling.gamma, beta=sampling.beta)
        out = self.generator.render(latent, cameras, relative=True)
        depth, alpha = fit_depth(out.image_depth.cpu(), out.image_alpha.cpu(), resolution)
        wall = studio_wall(seeds, resolution).repeat_interleave(len(cameras), 0)
        image = before_wall(self.judges.fit(out.image.float().cpu().clamp(-1, 1)), alpha, wall)
        return tuple(part.unflatten(0, (len(seeds), len(cameras))) for part in (image, depth, alpha > 0.5))
