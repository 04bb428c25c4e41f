"""The demo's diffusion model as evaluations use it: many prompts and hints at once, a sampling run or one pass."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import torch

import nodes as core_nodes

from ...ddgi.facemask import mask_to_hint
from ...ddgi.features import DiffusionFeatures, StepSelection
from ...ddgi.headworld import HeadWorldBatch
from .. import demo_models
from ..capture.encode import encode_latent
from ..capture.run import FeatureTap
from ..capture.words import prompt_words

HINTS = ("mask", "scribble")


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


class Chain:
    """MODEL, CLIP, VAE and CONTROL_NET of a folder of demo models.

    Raises:
        InputError: a file is missing or broken.
    """

    def __init__(self, folder: Path, sampling: Sampling = DEFAULT_SAMPLING):
        self.model, self.clip, self.vae = demo_models.load_diffusion(folder)
        self.control_net, self.sampling = demo_models.load_control_net(folder), sampling

    def sample(self, prompts: Sequence[str], hints: torch.Tensor | None, seed: int,
               every_step: bool = False) -> tuple[torch.Tensor, DiffusionFeatures]:
        """Finished pictures [B, 3, R, R] in -1..1, and the features of the last step or of all.

        hints: IMAGE [B, H, W, 3] in 0..1, or None for words alone.
        """
        positive, negative, words = self._conditioning(prompts, hints)
        tap, s = FeatureTap(StepSelection("all" if every_step else "last")), self.sampling
        latent = core_nodes.common_ksampler(tap.attach(self.model), seed, s.steps, s.cfg, s.sampler, s.scheduler,
                                            positive, negative, self._empty(len(prompts)))[0]
        pictures = self.vae.decode(latent["samples"]).movedim(-1, 1) * 2 - 1
        return pictures, dataclasses.replace(tap.features(), words=words)

    def one_pass(self, prompts: Sequence[str], hints: torch.Tensor | None, seed: int) -> DiffusionFeatures:
        """The features of a single pass on pure noise, which live painting reads."""
        positive, _, words = self._conditioning(prompts, hints)
        features = encode_latent(self.model, positive, self._empty(len(prompts))["samples"], 1.0, seed)
        return dataclasses.replace(features, words=words)

    def _conditioning(self, prompts: Sequence[str], hints: torch.Tensor | None):
        tokens = [self.clip.tokenize(text) for text in prompts]
        words = torch.cat([prompt_words(self.clip, t) for t in tokens])
        positive = [[torch.cat([self.clip.encode_from_tokens(t) for t in tokens]), {}]]
        negative = [[self.clip.encode_from_tokens(self.clip.tokenize("")), {}]]
        if hints is not None:
            positive, negative = core_nodes.ControlNetApplyAdvanced().apply_controlnet(
                positive, negative, self.control_net, hints, 1.0, 0.0, 1.0)
        return positive, negative, words

    def _empty(self, count: int) -> dict:
        size = self.model.model.model_config.trained_size
        return core_nodes.EmptyLatentImage().generate(size, size, count)[0]


def hint_images(truth: HeadWorldBatch, kind: str) -> torch.Tensor:
    """ControlNet hints as IMAGE [B, R, R, 3] in 0..1: the coloured mask, or black lines on white."""
    if kind == "scribble":
        return (1 - truth.scribble).movedim(1, -1).expand(-1, -1, -1, 3)
    return mask_to_hint(truth.mask)
