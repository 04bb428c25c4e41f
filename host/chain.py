"""A diffusion model as evaluations and batches use it: many prompts and hints at once, a sampling run or one pass."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import comfy.sample
import torch

import nodes as core_nodes

from ..ddgi.errors import InputError
from ..ddgi.facemask import mask_to_hint
from ..ddgi.features import DiffusionFeatures, StepSelection
from ..ddgi.headworld import HeadWorldBatch
from ..ddgi.pictures import resize, to_image
from ..ddgi.seeds import seeded
from .capture.encode import encode_latent
from .capture.run import FeatureTap
from .capture.words import prompt_words
from .diffusion import Diffusion, open_diffusion

HINTS = ("mask", "scribble")
_TEXTS = 256                # prompts whose encoding is kept


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How the diffusion model is run; the defaults are those of the example workflows."""

    steps: int = 20
    cfg: float = 2.0
    sampler: str = "euler"
    scheduler: str = "normal"
    negative: str = ""
    strength: float = 1.0  # of the ControlNet
    hint: str = "mask"  # or "scribble"
    gamma: float = 1.0
    beta: float = 1.0


DEFAULT_SAMPLING = Sampling()


class Chain:
    """A diffusion model under a sampler, watched.

    Args:
        parts: a VAE is only needed for `sample` and `decode`.
        size: side in pixels of its pictures; 0 is 512, or the demo model's.
        texts: where encoded prompts are kept; None keeps them here.

    Raises:
        InputError: the model's features cannot be read, or the size does not fit it.
    """

    def __init__(self, parts: Diffusion, sampling: Sampling = DEFAULT_SAMPLING, size: int = 0,
                 texts: dict[str, tuple] | None = None):
        self.model, self.clip, self.vae, self.control_net = parts.model, parts.clip, parts.vae, parts.control_net
        self.sampling, self.size = sampling, size or getattr(self.model.model.model_config, "trained_size", 512)
        latents = self.model.get_model_object("latent_format")
        shrink = latents.spacial_downscale_ratio
        if self.size < shrink or self.size % shrink:
            raise InputError(f"The diffusion model is to make pictures of {self.size} px, but its latents are {shrink} "
                             f"times smaller; give a multiple of {shrink}.")
        self._shape = (latents.latent_channels, self.size // shrink, self.size // shrink)
        self._texts = {} if texts is None else texts

    @classmethod
    def of_demo(cls, folder: Path, sampling: Sampling = DEFAULT_SAMPLING) -> "Chain":
        """Of a folder of demo models.

        Raises:
            InputError: a file is missing or broken.
        """
        return cls(open_diffusion(demo=folder), sampling)

    def sample(self, prompts: Sequence[str], hints: torch.Tensor | None, seed: int | Sequence[int],
               every_step: bool = False) -> tuple[torch.Tensor, DiffusionFeatures]:
        """Finished pictures [B, 3, R, R] in -1..1, and the features of the last step or of all.

        hints, seed: see `latents`.
        """
        samples, features = self.latents(prompts, hints, seed, every_step)
        return self.decode(samples), features

    def latents(self, prompts: Sequence[str], hints: torch.Tensor | None, seed: int | Sequence[int],
                every_step: bool = False) -> tuple[torch.Tensor, DiffusionFeatures]:
        """The finished latents [B, C, h, w], and the features of the last step or of all.

        Args:
            prompts: of as many tokens each (see `tokens`).
            hints: IMAGE [B, H, W, 3] in 0..1, or None for words alone.
            seed: one for the whole batch, as a workflow has it, or one for each picture.
        """
        positive, negative, words = self._conditioning(prompts, hints)
        tap, s = FeatureTap(StepSelection("all" if every_step else "last")), self.sampling
        noise = self.noise(seed, len(prompts))
        samples = comfy.sample.sample(tap.attach(self.model), noise, s.steps, s.cfg, s.sampler, s.scheduler, positive,
                                      negative, torch.zeros_like(noise), disable_pbar=True,
                                      seed=seed if isinstance(seed, int) else seed[0])
        return samples, dataclasses.replace(tap.features(), words=words)

    @property
    def latent_size(self) -> tuple[int, int]:
        """Height and width of the diffusion model's latents."""
        return self._shape[1:]

    def decode(self, samples: torch.Tensor) -> torch.Tensor:
        """Pictures [B, 3, R, R] in -1..1 of finished latents."""
        return self.vae.decode(samples).movedim(-1, 1) * 2 - 1

    def one_pass(self, prompts: Sequence[str], hints: torch.Tensor | None,
                 seed: int | Sequence[int]) -> DiffusionFeatures:
        """The features of a single pass on pure noise, which live painting reads; seed: see `latents`."""
        positive, _, words = self._conditioning(prompts, hints)
        noise = self.noise(seed, len(prompts))
        features = encode_latent(self.model, positive, torch.zeros_like(noise), 1.0,
                                 seed if isinstance(seed, int) else seed[0], noise=noise)
        return dataclasses.replace(features, words=words)

    def redraw(self, pictures: torch.Tensor, prompts: Sequence[str], hints: torch.Tensor | None, seeds: Sequence[int],
               denoise: float) -> torch.Tensor:
        """Pictures [B, 3, R, R] in -1..1 drawn again for prompts (img2img), at the diffusion model's size.

        denoise: 0 to 1, how far from the pictures; 1 keeps only what the hints say. Others: see `latents`.
        """
        positive, negative, _ = self._conditioning(prompts, hints)
        s, noise = self.sampling, self.noise(seeds, len(prompts))
        latents = self.vae.encode(to_image(resize(pictures, self.size)).clone())
        return self.decode(comfy.sample.sample(self.model, noise, s.steps, s.cfg, s.sampler, s.scheduler, positive,
                                               negative, latents, denoise=denoise, disable_pbar=True, seed=seeds[0]))

    def noise(self, seed: int | Sequence[int], count: int) -> torch.Tensor:
        """[B, C, h, w], drawn on the CPU as core's samplers draw it: from one seed, or each picture from its own."""
        if isinstance(seed, int):
            return torch.randn((count, *self._shape), generator=seeded(seed))
        return torch.cat([torch.randn((1, *self._shape), generator=seeded(number)) for number in seed])

    def tokens(self, prompt: str) -> int:
        """How many tokens a prompt is read as, with its padding: 77, or more for a long one."""
        return self._text(prompt)[0].shape[1]

    def _conditioning(self, prompts: Sequence[str], hints: torch.Tensor | None):
        """Positive and negative CONDITIONING, and bool [B, tokens]: what of the prompts is words.

        Each prompt is encoded by itself, so that its numbers do not depend on its company.
        """
        texts = [self._text(prompt) for prompt in prompts]
        words = torch.cat([flags for _, _, flags in texts])
        positive = [[torch.cat([context for context, _, _ in texts]), _pooled([pooled for _, pooled, _ in texts])]]
        context, pooled, _ = self._text(self.sampling.negative)
        negative = [[context, _pooled([pooled])]]
        if hints is not None:
            if self.control_net is None:
                raise InputError("A drawing was given and no ControlNet that reads it; name one, or leave the drawing "
                                 "out.")
            positive, negative = apply_hint(self.model, positive, negative, self.control_net, hints,
                                            self.sampling.strength)
        return positive, negative, words

    def _text(self, prompt: str) -> tuple:
        """Context [1, tokens, D], pooled [1, P] or None, and word flags [1, tokens]; kept, as prompts come again."""
        if prompt not in self._texts:
            if len(self._texts) >= _TEXTS:
                self._texts.clear()
            tokens = self.clip.tokenize(prompt)
            context, pooled = self.clip.encode_from_tokens(tokens, return_pooled=True)
            self._texts[prompt] = context, pooled, prompt_words(self.clip, tokens)
        return self._texts[prompt]


def _pooled(several: list) -> dict:
    return {} if any(pooled is None for pooled in several) else {"pooled_output": torch.cat(several)}


def apply_hint(model, positive: list, negative: list, control_net, hints: torch.Tensor, strength: float) -> tuple:
    """Positive and negative CONDITIONING with a drawing, as the example workflows of the model have it.

    CFG guides by what the negative one lacks. The demo model's lacks the drawing. With Stable Diffusion's usual CFG
    that would be very strong (Zhang et al. 2023, section 3.4), so there both have it.

    Args:
        hints: IMAGE [B, H, W, 3] in 0..1.
    """
    hinted, both = core_nodes.ControlNetApplyAdvanced().apply_controlnet(positive, negative, control_net, hints,
                                                                         strength, 0.0, 1.0)
    return hinted, negative if getattr(model.model.model_config, "hint_guides", False) else both


def hint_images(truth: HeadWorldBatch, kind: str) -> torch.Tensor:
    """ControlNet hints as IMAGE [B, R, R, 3] in 0..1: the coloured mask, or black lines on white."""
    if kind == "scribble":
        return (1 - truth.scribble).movedim(1, -1).expand(-1, -1, -1, 3)
    return mask_to_hint(truth.mask)
