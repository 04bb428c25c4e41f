"""Score the demo models end to end: core's sampler with capture, the bridge, the generator, the judges."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch

import nodes as core_nodes

from ...ddgi.bridge import load_bridge
from ...ddgi.checkpoints import load_generator
from ...ddgi.evaluation import Score, load_judges
from ...ddgi.features import StepSelection
from ...ddgi.gan import GanLatent
from ...ddgi.headworld import HeadWorldBatch, render_batch
from ...ddgi.palette import indices_to_colours
from .. import demo_models, folders
from ..capture.run import FeatureTap
from ..capture.words import prompt_words

Bridges = dict[str, Path]


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How the diffusion model is run; the defaults are those of the example workflows."""

    steps: int = 20
    cfg: float = 2.0
    sampler: str = "euler"
    scheduler: str = "normal"
    hint: str = "mask"  # or "scribble"
    gamma: float = 1.0
    beta: float = 1.0


DEFAULT_SAMPLING = Sampling()


@torch.no_grad()
def run(seeds: range = range(256), sampling: Sampling = DEFAULT_SAMPLING, *, folder: Path = folders.DEMO,
        bridges: Bridges | None = None, bridge_steps: tuple[str | int, ...] = ("last",), batch: int = 32,
        report: Callable[[str], None] = lambda line: None, on_batch: Callable | None = None) -> dict[str, dict]:
    """Scores on held-out head-world seeds: "mean_face", "m_only", "m_t", "diffusion", "ground_truth".

    Each has "miou", "pixel_accuracy", "attribute_accuracy", "distance" and "by_attribute".

    All bridges and steps read the same sampling runs. The keys of m_only and m_t get the bridge's name and the step
    where there are several; M alone is scored at the first step.

    Args:
        bridges: files by name, None for the demo's own. bridge_steps: see `ddgi.bridge.Bridge`.
        on_batch: called with {method: pictures [B, 3, R, R]} of every batch, for contact sheets.
    """
    judges = load_judges(folder / "judges.safetensors")
    generator = load_generator(folder / demo_models.GENERATOR_FILE)
    bridges = {name: load_bridge(file) for name, file in (bridges or {"": folder / demo_models.BRIDGE_FILE}).items()}
    model, clip, vae = demo_models.load_diffusion(folder)
    control_net = demo_models.load_control_net(folder)
    scores: dict[str, Score] = {}
    mean = generator.w_avg.expand(1, generator.config.num_ws, -1)
    mean_face = generator.render(mean, noise_mode="const").image
    for start in range(0, len(seeds), batch):
        chosen = seeds[start:start + batch]
        truth = render_batch(chosen, judges.resolution)
        latent, features = sample(model, clip, control_net, truth, sampling, chosen[0], bridge_steps)
        pictures = {"mean_face": mean_face.expand(len(chosen), -1, -1, -1)}
        for key, found in _latents(bridges, features, bridge_steps, sampling).items():
            pictures[key] = generator.render(found, noise_mode="const").image
        pictures["diffusion"] = vae.decode(latent["samples"]).movedim(-1, 1) * 2 - 1
        pictures["ground_truth"] = truth.image
        for key, shown in pictures.items():
            scores.setdefault(key, Score(judges)).add(shown, truth)
        if on_batch:
            on_batch(pictures)
        report(f"evaluated {start + len(chosen)}/{len(seeds)} held-out heads")
    return {key: {**score.result(), "by_attribute": score.by_attribute()} for key, score in scores.items()}


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


def sample(model, clip, control_net, truth: HeadWorldBatch, sampling: Sampling, seed: int,
           bridge_steps: tuple[str | int, ...] = ("last",)):
    """One sampler run over a batch of different prompts and hints: (LATENT, DiffusionFeatures).

    The features hold the last step, or all of them if `bridge_steps` asks for others.
    """
    tokens = [clip.tokenize(text) for text in truth.captions]
    words = torch.cat([prompt_words(clip, t) for t in tokens])
    positive = [[torch.cat([clip.encode_from_tokens(t) for t in tokens]), {}]]
    negative = [[clip.encode_from_tokens(clip.tokenize("")), {}]]
    positive, negative = core_nodes.ControlNetApplyAdvanced().apply_controlnet(
        positive, negative, control_net, hint_images(truth, sampling.hint), 1.0, 0.0, 1.0)
    size = truth.image.shape[-1]
    empty = core_nodes.EmptyLatentImage().generate(max(size, 16), max(size, 16), len(words))[0]
    tap = FeatureTap(StepSelection("last" if bridge_steps == ("last",) else "all"))
    latent = core_nodes.common_ksampler(tap.attach(model), seed, sampling.steps, sampling.cfg, sampling.sampler,
                                        sampling.scheduler, positive, negative, empty)[0]
    return latent, dataclasses.replace(tap.features(), words=words)


def hint_images(truth: HeadWorldBatch, kind: str) -> torch.Tensor:
    """ControlNet hints as IMAGE [B, R, R, 3] in 0..1: the coloured mask, or black lines on white."""
    if kind == "scribble":
        return (1 - truth.scribble).movedim(1, -1).expand(-1, -1, -1, 3)
    return torch.from_numpy(indices_to_colours(truth.mask.numpy())).float() / 255
