"""The values a capture gives: features of one step, and of a whole run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from ..errors import InputError
from .layout import FeatureLayout
from .words import Word


@dataclass(frozen=True)
class StepFeatures:
    """What the U-Net computed for the prompt's half of the batch at one denoising step.

    step: index in the sampling schedule, 0 = first (noisiest) step.
    timestep, sigma: position on the model's noise schedule; one number, or a tensor [B]
        when the rows stand at different steps (training).
    h: [B, C, h, w], middle block output with ControlNet residual.
    f: per stage [B, C_n, h_n, w_n], end of the decoder stage.
    attention: per stage [B, C_n, h_n, w_n], the maximum over the stage's K cross-attention
        layers of softmax(QK^T)V (heads concatenated, before the output projection).
    word_mean, word_max: per stage [B, tokens, h_n, w_n], mean / maximum over layers and
        heads of softmax(QK^T), values in 0..1, fp32.
    """

    step: int
    timestep: float | torch.Tensor
    sigma: float | torch.Tensor
    h: torch.Tensor
    f: tuple[torch.Tensor, ...]
    attention: tuple[torch.Tensor, ...]
    word_mean: tuple[torch.Tensor, ...]
    word_max: tuple[torch.Tensor, ...]

    def __post_init__(self) -> None:
        for name in ("f", "attention", "word_mean", "word_max"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        counts = {len(self.f), len(self.attention), len(self.word_mean), len(self.word_max)}
        if len(counts) != 1:
            raise InputError(f"features need as many maps of every kind as stages, got {sorted(counts)}; capture again")
        batch = self.h.shape[0]
        for f, attention, mean, peak in zip(self.f, self.attention, self.word_mean, self.word_max):
            size = f.shape[-2:]
            if any(m.ndim != 4 or m.shape[0] != batch or m.shape[-2:] != size for m in (f, attention, mean, peak)):
                raise InputError(
                    f"one stage has maps of shapes {[tuple(m.shape) for m in (f, attention, mean, peak)]} beside a "
                    f"batch of {batch}; all need the same batch and size, capture them in one run"
                )

    @property
    def batch_size(self) -> int:
        return self.h.shape[0]

    @property
    def tokens(self) -> int:
        return self.word_mean[0].shape[1]

    def apply(self, change: Callable[[torch.Tensor], torch.Tensor]) -> StepFeatures:
        """A copy with every feature tensor passed through `change`."""
        maps = {n: tuple(map(change, getattr(self, n))) for n in ("f", "attention", "word_mean", "word_max")}
        return replace(self, h=change(self.h), **maps)

    def to(self, *args, **kwargs) -> StepFeatures:
        """Like `torch.Tensor.to`, for every feature tensor."""
        return self.apply(lambda tensor: tensor.to(*args, **kwargs))


@dataclass(frozen=True)
class DiffusionFeatures:
    """Features of the conditional half over the captured steps of one run.

    layout: the U-Net they came from. steps: StepFeatures in sampling order, step numbers
    rising. words: bool [B, tokens], True on prompt words; start, end and padding False.
    spelling: the prompt's words and their tokens; empty where the prompt was not DDGI Prompt's.
    """

    layout: FeatureLayout
    steps: tuple[StepFeatures, ...]
    words: torch.Tensor
    spelling: tuple[Word, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        if not self.steps:
            raise InputError("no step was captured; choose at least one step of the sampling run")
        numbers = [step.step for step in self.steps]
        if any(a >= b for a, b in zip(numbers, numbers[1:])):
            raise InputError(f"captured steps must rise in sampling order, got {numbers}; sort them")
        for step in self.steps:
            self._check_step(step)

    def _check_step(self, step: StepFeatures) -> None:
        channels = (step.h.shape[1], *(f.shape[1] for f in step.f))
        expected = (self.layout.middle_channels, *(stage.channels for stage in self.layout.stages))
        if channels != expected:
            raise InputError(
                f"step {step.step} has {channels} channels (middle, stages) and its {self.layout.family} layout "
                f"needs {expected}; use the layout of the model the features were captured from"
            )
        if self.words.dtype != torch.bool or tuple(self.words.shape) != (step.batch_size, step.tokens):
            raise InputError(
                f"words is {self.words.dtype} {tuple(self.words.shape)} and step {step.step} needs torch.bool "
                f"{(step.batch_size, step.tokens)}; give one flag per row and token"
            )

    @property
    def batch_size(self) -> int:
        return self.words.shape[0]

    @property
    def step_numbers(self) -> tuple[int, ...]:
        return tuple(step.step for step in self.steps)

    def select(self, step: str | int = "last") -> StepFeatures:
        """One captured step: "first", "last", a step number of the run, or a negative
        position counted from the last captured step (-1 = last). Raises InputError if
        that step was not captured."""
        if step in ("first", "last"):
            return self.steps[0 if step == "first" else -1]
        if isinstance(step, int):
            if step < 0 and -step <= len(self.steps):
                return self.steps[step]
            for captured in self.steps:
                if captured.step == step:
                    return captured
        numbers = ", ".join(map(str, self.step_numbers))
        raise InputError(
            f"step {step!r} was asked for, but the features hold steps {numbers}; "
            'choose one of them, "first" or "last", or capture that step too'
        )

    def to(self, *args, **kwargs) -> DiffusionFeatures:
        """Like `torch.Tensor.to` for all feature tensors; `words` follows the device only."""
        steps = tuple(step.to(*args, **kwargs) for step in self.steps)
        return replace(self, steps=steps, words=self.words.to(steps[0].h.device))
