"""Watching a whole sampling run: a FeatureTap adds keyed wrappers to a clone of the model.

How a step is found. `StepFeatures.step` i means: the last U-Net evaluation that started at the
schedule's i-th noise level before the sampler reported step i through its callback. For one-call
samplers that is their one call; for heun, whose corrector already visits the next level, it is the
next step's own first call. A level a little above that of the step in progress counts for it, once:
samplers with churn add noise before they call the model. Inside one evaluation only the first batch
that holds the positive prompt is read, so that extra guidance passes (PAG, SAG) do not replace it.

Which rows are read. Those of the first positive conditioning in the list that is active at that
step, found by its uuid; uncond and further prompts are never mixed in. A prompt limited to an area
gives the features of that area.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol
from uuid import uuid4

import comfy.model_management
import torch
from comfy.patcher_extension import WrappersMP
from comfy_execution.utils import get_executing_context

from ...ddgi.errors import InputError
from ...ddgi.features import (
    DiffusionFeatures,
    FeatureLayout,
    StepFeatures,
    StepSelection,
    captured_call,
    find_taps,
    step_of_sigma,
)
from .prompts import Prompts

_CHURN = 2**0.5 * 1.01  # churn multiplies sigma by at most 1 + (sqrt 2 - 1): Karras et al. 2022, algorithm 2


class Watch(Protocol):
    """Who follows a run step by step."""

    def due(self) -> bool:
        """Asked before each evaluation of the model: whether it is to be read."""

    def show(self, features: DiffusionFeatures, steps: int) -> None:
        """The features of one step of so many, when the sampler has reported it."""


class FeatureTap:
    """Collects the features of sampling runs of the model it is attached to.

    It outlives its runs, as the host keeps the outputs of nodes. So it knows what each run made, and gives
    features for that latent only. It keeps the runs of one execution of a graph, the last one of each sampler.

    watch: is shown what it wants; a watched run keeps nothing.
    """

    def __init__(self, selection: StepSelection, watch: Watch | None = None):
        self.selection, self._watch = selection, watch
        self._key = f"ddgi_tap_{uuid4().hex}"
        self._runs: dict[_Caller, _Run] = {}  # finished ones, the newest last
        self._running: _Run | None = None

    def attach(self, model):
        """A clone of the ModelPatcher `model` with this tap's wrappers; `model` stays as it is.

        Raises InputError if its network is of no family that is read.
        """
        FeatureLayout.of(model.get_model_object("diffusion_model"))
        tapped = model.clone()
        for kind, wrapper in (
            (WrappersMP.OUTER_SAMPLE, self._outer_sample),
            (WrappersMP.SAMPLER_SAMPLE, self._sampler_sample),
            (WrappersMP.PREDICT_NOISE, self._predict_noise),
            (WrappersMP.CALC_COND_BATCH, self._calc_cond_batch),
        ):
            tapped.add_wrapper_with_key(kind, self._key, wrapper)
        return tapped

    def features(self, latent: torch.Tensor | None = None) -> DiffusionFeatures:
        """Features of the finished run that made `latent`; of the newest run if none is given.

        latent: what the sampler gave, unchanged, or its last guess of the clean latent ("denoised output").
        Raises InputError if no run is finished, or none made this latent.
        """
        if not self._runs:
            raise InputError(
                "no features were captured: the tapped model has not sampled anything. Connect the MODEL output of "
                "DDGI Feature Tap to your sampler (or guider), and the sampler's LATENT to DDGI Collect Features; a "
                "sampler with denoise 0 or without sigmas takes no step"
            )
        runs = [run for run in self._runs.values() if latent is None or run.gave(latent)]
        if not runs:
            raise InputError(
                "the latent was not made by the tapped model: it comes from a sampler without the tap, or it was "
                "changed on its way here (resized, blended, decoded). Connect the MODEL output of DDGI Feature Tap to "
                "the sampler of this latent, and that sampler's LATENT straight to DDGI Collect Features"
            )
        return runs[-1].features()

    def _outer_sample(self, executor, noise, latent_image, sampler, sigmas, *args, **kwargs):
        caller, around = _Caller.now(), self._running
        # A sampler's second run replaces its first, and a failed one leaves nothing; both before memory is needed.
        self._runs = {c: run for c, run in self._runs.items() if c != caller and c.prompt_id == caller.prompt_id}
        run = self._running = _Run(executor.class_obj, self.selection, sigmas)
        try:
            output = executor(noise, latent_image, sampler, sigmas, *args, **kwargs)
        finally:
            self._running = around
        run.finish(output)
        self._runs[caller] = run
        return output

    def _sampler_sample(self, executor, guider, sigmas, extra_args, callback, *args, **kwargs):
        run = self._running

        def counted(step, denoised, *values):
            run.step_done(step, denoised)
            result = callback(step, denoised, *values) if callback is not None else None
            if self._watch is not None and step in run.captured:
                self._watch.show(run.take(step), len(run.schedule) - 1)
            return result

        return executor(guider, sigmas, extra_args, counted if run else callback, *args, **kwargs)

    def _predict_noise(self, executor, x, timestep, *args, **kwargs):
        run = self._running  # None for a guider used by hand, outside a sampling run
        if run is None:
            return executor(x, timestep, *args, **kwargs)
        if self._watch is None or self._watch.due():
            run.start_evaluation(float(timestep.flatten()[0]))
        output = executor(x, timestep, *args, **kwargs)
        run.end_evaluation()
        return output

    def _calc_cond_batch(self, executor, model, conds, x_in, timestep, model_options):
        run = self._running
        index = run.positive_index(conds) if run is not None else None
        if index is None:
            return executor(model, conds, x_in, timestep, model_options)
        options = _with_unet_wrapper(model_options, self._key, _unet_reader(run.evaluation, run.prompts, index))
        output = executor(model, conds, x_in, timestep, options)
        run.evaluation.closed = run.evaluation.features is not None
        return output


class _Caller(NamedTuple):
    """Who samples: a node of the graph in one of its executions; all None outside the host's executor.

    index: which of the node's runs, where it is given a list.
    """

    prompt_id: str | None
    node_id: str | None
    index: int | None

    @classmethod
    def now(cls) -> _Caller:
        return cls(*(get_executing_context() or (None, None, None)))


class _Evaluation:
    """One model evaluation of a wanted step: the best-ranked prompt's features so far."""

    def __init__(self, step: int, sigma: float):
        self.step = step
        self.sigma = sigma
        self.rank: int | None = None
        self.latent_size: tuple[int, int] | None = None
        self.features: StepFeatures | None = None
        self.closed = False


class _Run:
    """The state of one sampling run."""

    def __init__(self, guider, selection: StepSelection, sigmas: torch.Tensor):
        self.guider = guider
        self.schedule = [float(sigma) for sigma in sigmas]
        self.wanted = frozenset(selection.resolve(len(self.schedule) - 1))
        unet = guider.model_patcher.get_model_object("diffusion_model")
        self.layout = FeatureLayout.of(unet)
        self.prompts = Prompts(self._positive(guider), guider.model_patcher.get_model_object("model_sampling"))
        self.prompts.check(sorted(self.wanted), self.schedule)
        self.next_step = 0
        self.denoised: torch.Tensor | None = None
        self.made: list[torch.Tensor] = []
        self.evaluation: _Evaluation | None = None
        self.captured: dict[int, _Evaluation] = {}

    @staticmethod
    def _positive(guider) -> list[dict]:
        conds = guider.conds.get("positive") or next(iter(guider.conds.values()), None)
        if not conds or any(entry.get("cross_attn") is None for entry in conds):
            raise InputError("the sampler got no positive prompt; connect a text conditioning to it")
        return conds

    def step_done(self, step: int, denoised: torch.Tensor) -> None:
        self.denoised = denoised
        self.next_step = max(self.next_step, step + 1)

    def start_evaluation(self, sigma: float) -> None:
        step = step_of_sigma(sigma, self.schedule, self.next_step)
        on_schedule = step is not None
        if not on_schedule and self._is_churned(sigma):
            step = self.next_step
        repeated = step in self.captured and (step < self.next_step or not on_schedule)
        self.evaluation = None if step not in self.wanted or repeated else _Evaluation(step, sigma)

    def _is_churned(self, sigma: float) -> bool:
        """Whether `sigma` is the level of the step in progress with noise added to it."""
        level = self.schedule[min(self.next_step, len(self.schedule) - 1)]
        return level < sigma <= _CHURN * level

    def end_evaluation(self) -> None:
        if self.evaluation is not None and self.evaluation.features is not None:
            self.captured[self.evaluation.step] = self.evaluation
        self.evaluation = None

    def positive_index(self, conds: list) -> int | None:
        """Which entry of a batch of conditionings is the positive one, if this batch is to be read."""
        if self.evaluation is None or self.evaluation.closed:
            return None
        positive = self._positive(self.guider)
        for index, cond in enumerate(conds):
            if cond is positive:
                return index
        first = positive[0].get("uuid")
        return next((i for i, cond in enumerate(conds) if cond and cond[0].get("uuid") == first), None)

    def finish(self, output: torch.Tensor) -> None:
        """output: the sampled latent. Copies of it and of the last denoised one say later which run they are of."""
        self.made = [output.to("cpu", copy=True)]
        if self.denoised is not None:  # as core's custom samplers hand it out
            self.made.append(self.guider.model_patcher.model.process_latent_out(self.denoised.cpu()))
        self.guider = self.evaluation = self.denoised = None  # the guider holds the model and the conditioning

    def gave(self, latent: torch.Tensor) -> bool:
        """Whether `latent` is what this run made, but for the dtype that the host keeps latents in."""
        return any(_equal(latent, made) for made in self.made)

    def features(self) -> DiffusionFeatures:
        missing = sorted(self.wanted - self.captured.keys())
        if missing:
            raise InputError(
                f"the sampler never showed step {missing[0]} of {len(self.schedule) - 1}: it chooses its own noise "
                "levels, or a cache skipped the model there; use a sampler such as euler or dpmpp_2m, without caching"
            )
        return self._collected([self.captured[step] for step in sorted(self.captured)])

    def take(self, step: int) -> DiffusionFeatures:
        """The features of a captured step, which is forgotten."""
        return self._collected([self.captured.pop(step)])

    def _collected(self, evaluations: list[_Evaluation]) -> DiffusionFeatures:
        self.prompts.check_same({evaluation.step: evaluation.rank for evaluation in evaluations})
        words, spelling = (entries[evaluations[0].rank] for entries in (self.prompts.words, self.prompts.spelling))
        steps = tuple(evaluation.features for evaluation in evaluations)
        layout = self.layout.at(evaluations[0].latent_size)
        return DiffusionFeatures(layout, steps, words.expand(steps[0].batch_size, -1).cpu().clone(),
                                 spelling)


def _equal(latent: torch.Tensor, made: torch.Tensor) -> bool:
    """Bit for bit after the cast, NaN (a half precision model's black pictures) like NaN."""
    if not isinstance(latent, torch.Tensor) or latent.shape != made.shape:
        return False
    return torch.allclose(latent.cpu(), made.to(latent.dtype), rtol=0, atol=0, equal_nan=True)


def _with_unet_wrapper(model_options: dict, key: str, wrapper) -> dict:
    """A copy of `model_options` whose U-Net calls go through `wrapper`; the original is not touched.

    The wrapper is added only for evaluations that are read, so that a compiled model runs all
    others exactly as without a tap.
    """
    options = dict(model_options.get("transformer_options", {}))
    wrappers = dict(options.get("wrappers", {}))
    wrappers[WrappersMP.DIFFUSION_MODEL] = {**wrappers.get(WrappersMP.DIFFUSION_MODEL, {}), key: [wrapper]}
    return {**model_options, "transformer_options": {**options, "wrappers": wrappers}}


def _unet_reader(evaluation: _Evaluation, prompts: Prompts, positive: int):
    """A DIFFUSION_MODEL wrapper that reads the rows of the first active positive prompt."""

    # A compiled U-Net runs this one call uncompiled: hooks cannot be set from inside a compiled call.
    @torch.compiler.disable
    def read(executor, *args, **kwargs):
        taps = find_taps(executor.class_obj)
        options = taps.options_of_call(args, kwargs)
        chunks = options["cond_or_uncond"]
        uuids = options.get("uuids") or [None] * len(chunks)
        ranked = [(prompts.rank(uuid), chunk) for chunk, uuid in enumerate(uuids) if chunks[chunk] == positive]
        rank, chunk = min(ranked, default=(None, None))
        if rank is None or (evaluation.rank is not None and evaluation.rank < rank):
            return executor(*args, **kwargs)
        batch = args[0].shape[0]
        per_chunk = batch // len(chunks)
        rows = slice(chunk * per_chunk, (chunk + 1) * per_chunk)
        store = comfy.model_management.intermediate_device()
        with captured_call(taps, options, batch, rows=rows, tokens=prompts.tokens(rank), store_device=store) as call:
            output = executor(*args, **kwargs)
        evaluation.rank = rank
        evaluation.latent_size = tuple(args[0].shape[-2:])
        evaluation.features = call.features(evaluation.step, evaluation.sigma)
        return output

    return read
