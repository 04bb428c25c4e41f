"""Score the demo models end to end: core's sampler with capture, the bridge, the generator, the judges."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch

import nodes as core_nodes

from ..ddgi.bridge import load_bridge
from ..ddgi.checkpoints import load_generator
from ..ddgi.evaluation import Score, load_judges
from ..ddgi.features import StepSelection
from ..ddgi.headworld import HeadWorldBatch, render_batch
from ..ddgi.palette import indices_to_colours
from . import demo_models, folders
from .capture_prompt import prompt_words
from .capture_run import FeatureTap

METHODS = ("mean_face", "m_only", "m_t", "diffusion", "ground_truth")


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How the diffusion model is run; the defaults are those of the example workflows."""

    steps: int = 20
    cfg: float = 2.0
    sampler: str = "euler"
    scheduler: str = "normal"
    hint: str = "mask"  # or "scribble"
    bridge_step: str = "last"
    gamma: float = 1.0
    beta: float = 1.0


DEFAULT_SAMPLING = Sampling()


@torch.no_grad()
def run(seeds: range = range(256), sampling: Sampling = DEFAULT_SAMPLING, *, folder: Path = folders.DEMO,
        batch: int = 32, report: Callable[[str], None] = lambda line: None,
        on_batch: Callable | None = None) -> dict[str, dict]:
    """Scores of every method in METHODS on held-out head-world seeds.

    on_batch(pictures: dict of [B, 3, R, R] by method) sees every batch, for contact sheets.
    """
    judges = load_judges(folder / "judges.safetensors")
    generator = load_generator(folder / demo_models.GENERATOR_FILE)
    bridge = load_bridge(folder / demo_models.BRIDGE_FILE)
    model, clip, vae = demo_models.load_diffusion(folder)
    control_net = demo_models.load_control_net(folder)
    scores = {method: Score(judges) for method in METHODS}
    mean = generator.w_avg.expand(1, generator.config.num_ws, -1)
    mean_face = generator.render(mean, noise_mode="const").image
    for start in range(0, len(seeds), batch):
        chosen = seeds[start:start + batch]
        truth = render_batch(chosen, judges.resolution)
        latent, features = sample(model, clip, control_net, truth, sampling, seed=chosen[0])
        ws = {"m_only": bridge(features, sampling.bridge_step, gamma=0.0, beta=0.0).ws,
              "m_t": bridge(features, sampling.bridge_step, gamma=sampling.gamma, beta=sampling.beta).ws}
        pictures = {name: generator.render(value, noise_mode="const").image for name, value in ws.items()}
        pictures["mean_face"] = mean_face.expand(len(chosen), -1, -1, -1)
        pictures["diffusion"] = vae.decode(latent["samples"]).movedim(-1, 1) * 2 - 1
        pictures["ground_truth"] = truth.image
        for method in METHODS:
            scores[method].add(pictures[method], truth)
        if on_batch:
            on_batch(pictures)
        report(f"evaluated {start + len(chosen)}/{len(seeds)} held-out heads")
    results = {method: score.result() for method, score in scores.items()}
    results["m_t"]["by_attribute"] = scores["m_t"].by_attribute()
    return results


def sample(model, clip, control_net, truth: HeadWorldBatch, sampling: Sampling, seed: int):
    """One sampler run over a batch of different prompts and hints: (LATENT, DiffusionFeatures)."""
    tokens = [clip.tokenize(text) for text in truth.captions]
    words = torch.cat([prompt_words(clip, t) for t in tokens])
    positive = [[torch.cat([clip.encode_from_tokens(t) for t in tokens]), {}]]
    negative = [[clip.encode_from_tokens(clip.tokenize("")), {}]]
    positive, negative = core_nodes.ControlNetApplyAdvanced().apply_controlnet(
        positive, negative, control_net, hint_images(truth, sampling.hint), 1.0, 0.0, 1.0)
    size = truth.image.shape[-1]
    empty = core_nodes.EmptyLatentImage().generate(max(size, 16), max(size, 16), len(words))[0]
    every_step = sampling.bridge_step in ("mean", "schedule")
    tap = FeatureTap(StepSelection("all") if every_step else StepSelection("last"))
    latent = core_nodes.common_ksampler(tap.attach(model), seed, sampling.steps, sampling.cfg, sampling.sampler,
                                        sampling.scheduler, positive, negative, empty)[0]
    return latent, dataclasses.replace(tap.features(), words=words)


def hint_images(truth: HeadWorldBatch, kind: str) -> torch.Tensor:
    """ControlNet hints as IMAGE [B, R, R, 3] in 0..1: the coloured mask, or black lines on white."""
    if kind == "scribble":
        return (1 - truth.scribble).movedim(1, -1).expand(-1, -1, -1, 3)
    return torch.from_numpy(indices_to_colours(truth.mask.numpy())).float() / 255
