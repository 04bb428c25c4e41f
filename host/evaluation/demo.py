"""Score the demo models end to end: core's sampler with capture, the bridge, the generator, the judges."""

from collections.abc import Callable
from pathlib import Path

import torch

from ...ddgi.bridge import load_bridge
from ...ddgi.checkpoints import load_generator
from ...ddgi.demo import files
from ...ddgi.evaluation import Score, load_judges
from ...ddgi.gan import GanLatent
from ...ddgi.headworld import render_batch
from .. import folders
from ..chain import DEFAULT_SAMPLING, Chain, Sampling, hint_images

Bridges = dict[str, Path]
NO_WORDS = "a face"
# Scores that stand in groups of their own: what the chain is given.
WORDS_ALONE, DRAWING_ALONE = "words_alone", "drawing_alone"


@torch.no_grad()
def run(seeds: range = range(256), sampling: Sampling = DEFAULT_SAMPLING, *, folder: Path = folders.DEMO,
        bridges: Bridges | None = None, bridge_steps: tuple[str | int, ...] = ("last",), batch: int = 32,
        report: Callable[[str], None] = lambda line: None, on_batch: Callable | None = None) -> dict[str, dict]:
    """Scores on held-out head-world seeds: "mean_face", "m_only", "m_t", "one_pass" (M + T from a single pass on pure
    noise), "diffusion", "ground_truth"; the same of "words_alone", "drawing_alone"; and, where the folder has judges
    for the generator's size, "at_256".

    Each has "miou", "pixel_accuracy", "attribute_accuracy", "distance" and "by_attribute", at 256 px "sharpness" too.

    All bridges and steps read the same sampling runs. The keys of m_only and m_t get the bridge's name and the step
    where there are several; M alone is scored at the first step.

    Args:
        bridges: files by name, None for the demo's own. bridge_steps: see `ddgi.bridge.Bridge`.
        on_batch: called with {method: pictures [B, 3, R, R]} of every batch, for contact sheets.
    """
    chain, generator = Chain.of_demo(folder, sampling), load_generator(folder / files.GENERATOR)
    judges = [load_judges(path) for name in (files.JUDGES, files.JUDGES_256) if (path := folder / name).is_file()]
    bridges = {name: load_bridge(file) for name, file in (bridges or {"": folder / files.BRIDGE}).items()}
    mean = generator.w_avg.expand(1, generator.config.num_ws, -1)
    mean_face = generator.render(mean, noise_mode="const").image
    scores: dict[tuple[str, str], Score] = {}
    for start in range(0, len(seeds), batch):
        chosen = seeds[start:start + batch]
        truths = [render_batch(chosen, judge.resolution) for judge in judges]
        hints = hint_images(truths[0], sampling.hint)
        given = {"": (truths[0].captions, hints), WORDS_ALONE: (truths[0].captions, None),
                 DRAWING_ALONE: ([NO_WORDS] * len(chosen), hints)}
        for group, (prompts, drawn) in given.items():
            pictures = _pictures(chain, generator, bridges, prompts, drawn, chosen[0], bridge_steps)
            if not group:
                pictures |= {"mean_face": mean_face.expand(len(chosen), -1, -1, -1), "ground_truth": None}
            for method, shown in pictures.items():
                for place, (judge, truth) in enumerate(zip(judges, truths)):
                    if place == 0 or not group:
                        score = scores.setdefault(("at_256" if place else group, method), Score(judge))
                        score.add(truth.image if shown is None else shown, truth)
            if on_batch and not group:
                on_batch({**pictures, "ground_truth": truths[-1].image})
        report(f"evaluated {start + len(chosen)}/{len(seeds)} held-out heads")
    return _grouped(scores)


def _pictures(chain: Chain, generator, bridges: dict, prompts: list[str], hints: torch.Tensor | None, seed: int,
              steps: tuple[str | int, ...]) -> dict[str, torch.Tensor]:
    """What each method makes of prompts and hints, [B, 3, R, R]."""
    finished, features = chain.sample(prompts, hints, seed, every_step=steps != ("last",))
    latents = _latents(bridges, features, steps, chain.sampling)
    at_once = chain.one_pass(prompts, hints, seed)
    for name, bridge in bridges.items():
        latents[_key("one_pass", [name] if name else [])] = bridge(at_once, "last", chain.sampling.gamma,
                                                                   chain.sampling.beta)
    drawn = {key: generator.render(latent, noise_mode="const").image for key, latent in latents.items()}
    return {**drawn, "diffusion": finished}


def method_pictures(chain: Chain, generator, bridge, prompts: list[str], hints: torch.Tensor,
                    seed: int) -> dict[str, torch.Tensor]:
    """What M + T, M + T from one pass, and the diffusion model itself make of prompts and hints, [B, 3, R, R]."""
    finished, features = chain.sample(prompts, hints, seed)
    latents = {"m_t": bridge(features), "one_pass": bridge(chain.one_pass(prompts, hints, seed))}
    pictures = {name: generator.render(latent, noise_mode="const").image for name, latent in latents.items()}
    return {**pictures, "diffusion": finished}


def _grouped(scores: dict[tuple[str, str], Score]) -> dict[str, dict]:
    """Scores of the first group at the top, the others under the group's name."""
    found: dict[str, dict] = {}
    for (group, method), score in scores.items():
        place = found.setdefault(group, {}) if group else found
        place[method] = {**score.result(), "by_attribute": score.by_attribute()}
        if group == "at_256":
            place[method]["sharpness"] = score.sharpness()
    return found


def _latents(bridges: dict, features, steps: tuple, sampling: Sampling) -> dict[str, GanLatent]:
    """Latents of M alone and of M + T for every bridge, of M + T for every step too."""
    found = {}
    for name, bridge in bridges.items():
        named = [name] if name else []
        found[_key("m_only", named)] = bridge(features, steps[0], gamma=0.0, beta=0.0)
        for step in steps:
            key = _key("m_t", named + ([f"step {step}"] if len(steps) > 1 else []))
            found[key] = bridge(features, step, gamma=sampling.gamma, beta=sampling.beta)
    return found


def _key(method: str, details: list[str]) -> str:
    return f"{method} ({', '.join(details)})" if details else method
